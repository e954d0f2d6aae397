"""Forms of login and of the account page."""

from __future__ import annotations

from django import forms

from common.errors import ServiceError
from locking import services as locking

from .services import signing_in, tokens

LASTING = {"30": "30 days", "90": "90 days", "365": "1 year", "": "until it is revoked"}


class LoginForm(forms.Form):
    """What browsers and the command-line client send; :attr:`user` once it is valid.

    The instrument is locked as part of the check: a login that asks for an instrument which
    somebody else has locked is refused.
    """

    username = forms.CharField(label="User name", max_length=254)
    password = forms.CharField(label="Password", max_length=4096, strip=False)
    instrument = forms.CharField(label="Instrument", max_length=64, required=False)

    def __init__(self, request, data=None):
        super().__init__(data)
        self.request, self.user = request, None

    def clean(self):
        fields = super().clean()
        if self.errors:
            return fields
        try:
            user = signing_in.check(self.request, fields["username"], fields["password"])
            locking.take_at_login(fields["instrument"], user)
        except ServiceError as exc:
            raise forms.ValidationError(exc.message) from exc
        self.user = user
        return fields


class TokenForm(forms.Form):
    """What a new token is for, and how long it lasts."""

    label = forms.CharField(label="What it is for", max_length=80)
    days = forms.ChoiceField(
        label="Lasts", choices=list(LASTING.items()), required=False, initial=str(tokens.DAYS))

    def clean_days(self) -> int | None:
        days = self.cleaned_data["days"]
        return int(days) if days else None
