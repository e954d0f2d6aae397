from django.urls import path

from . import views

app_name = "jpoll"
urlpatterns = [
    # The client asks without a trailing slash, and a redirect is a round trip for nothing.
    path("jpoll/open_channel", views.open_channel, name="open_channel"),
]
