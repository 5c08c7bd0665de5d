"""The keys that tests seal with."""

import base64

from common.sealed import Keyring

KEYS, LOOKUP_KEY = "1:" + base64.b64encode(bytes(range(32))).decode(), base64.b64encode(bytes(range(32, 64))).decode()
KEYRING = Keyring.parse(KEYS, LOOKUP_KEY)
SETTINGS = {"ROLLCALL_KEYS": KEYS, "ROLLCALL_LOOKUP_KEY": LOOKUP_KEY}
"""As the environment of a process says it."""
