from django.urls import path

from . import views

app_name = "locking"
urlpatterns = [
    # User names may be mail addresses.
    path("lock_status/<str:user>/", views.lock_status, name="lock_status"),
]
