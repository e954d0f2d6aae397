"""The home page under the dotted label of the maintenance guide.

``./runtests interactive.tests.Hst.test_index`` is the guide's own example.
"""

from __future__ import annotations

from django.test import TestCase


class Hst(TestCase):
    def test_index(self):
        answer = self.client.get("/")
        self.assertEqual(answer.status_code, 200)
        self.assertContains(answer, "HST Calibration Reference Data System")
