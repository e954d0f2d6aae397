from django.apps import AppConfig


class ContentsConfig(AppConfig):
    name = "contents"
    verbose_name = "Contents of reference files"
