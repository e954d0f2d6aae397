from django.urls import path

from . import views

urlpatterns = [
    # User names may be mail addresses.
    path("lock_status/<str:user>/", views.lock_status, name="lock_status"),
    path("locks/", views.locks, name="locks"),
    path("locks/take/", views.take, name="take_lock"),
    path("locks/release/", views.release, name="release_lock"),
    path("locks/take_over/", views.take_over, name="take_over_lock"),
]
