from __future__ import annotations

from django.apps import AppConfig


class FileuploadConfig(AppConfig):
    name = "fileupload"
    verbose_name = "Uploads"
