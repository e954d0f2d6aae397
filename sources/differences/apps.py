from django.apps import AppConfig


class DifferencesConfig(AppConfig):
    name = "differences"
