"""A small catalogue whose contexts follow each other, made of rows only."""

from __future__ import annotations

from accounts.models import Grant
from interactive.models import CatalogFile, FileState, RuleLink
from interactive.services import revision
from interactive.tests import catalogue

BIAS = "hst_acs_biasfile_{:04d}.rmap"


def person(model, name: str, role: str = "operator", instrument: str = ""):
    user = model.objects.create_user(name, password="secret")
    if role:
        Grant.objects.create(user=user, role=role, instrument=instrument)
    return user


def first() -> CatalogFile:
    """``hst_0001.pmap`` is latest and edit context: acs and cos, two types, two references each."""
    return catalogue.make(1)


def following(serial: int, *, add: str = "", drop: str = "", state: str = FileState.ARCHIVED,
              description: str = "New biases") -> CatalogFile:
    """The context after ``serial`` - 1, with other rules for the biases of ACS."""
    old = CatalogFile.objects.get(name=f"hst_{serial - 1:04d}.pmap")
    pmap = catalogue.file(f"hst_{serial:04d}.pmap", state=state, description=description)
    imap = catalogue.file(f"hst_acs_{serial:04d}.imap", state=state, instrument="acs")
    rmap = catalogue.file(BIAS.format(serial), state=state, instrument="acs",
                          filekind="biasfile")
    _copy(old, pmap, "acs", imap)
    old_imap = RuleLink.objects.get(parent=old, key="acs").child
    _copy(old_imap, imap, "biasfile", rmap)
    old_rmap = RuleLink.objects.get(parent=old_imap, key="biasfile").child
    for link in RuleLink.objects.filter(parent=old_rmap).exclude(child__name=drop):
        catalogue.link(rmap, link.child)
    if add:
        catalogue.link(rmap, catalogue.file(add, state=state, instrument="acs",
                                            filekind="biasfile"))
    revision.bump()
    return pmap


def _copy(old: CatalogFile, new: CatalogFile, key: str, child: CatalogFile) -> None:
    for link in RuleLink.objects.filter(parent=old):
        catalogue.link(new, child if link.key == key else link.child, link.key)
