"""
One AS2 station: django-pyas2 in the smallest Django project that holds it. Runs in an environment of its own.

It imports nothing of this project, for its dependencies do not fit beside ours (``requirements/as2.in``). Where the
station lies is told by ``AS2_HOME``. Gunicorn serves ``application``; the other half is sent by this program:

    python as2_site.py make NAME KEYS URL      (tables, our key, the partner; the keys of both in the directory KEYS)
    python as2_site.py send BYTES THREADS      (COUNT on each line of standard input: one line of JSON for each)
"""

import json
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

HOME = Path(os.environ["AS2_HOME"])
NAMES = ("left", "right")

settings.configure(
    SECRET_KEY="of a station that lives as long as a benchmark",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.admin",
        "django.contrib.sessions",
        "django.contrib.messages",
        "pyas2",
    ],
    ROOT_URLCONF="pyas2.urls",
    # What a station with several workers on SQLite needs: readers beside the writer, and a writer that waits its turn.
    # A commit is synced to disk, as with us.
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HOME / "station.db",
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 60,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    MEDIA_ROOT=HOME / "media",
    USE_TZ=True,
    LOGGING_CONFIG=None,
)
logging.disable(logging.WARNING)
application = get_wsgi_application()

from django.core.management import call_command  # noqa: E402  (Django has to be configured first)
from pyas2.models import Message, Organization, Partner, PrivateKey, PublicCertificate  # noqa: E402
from pyas2lib import Message as As2Message  # noqa: E402


def make_key(name: str) -> tuple[bytes, bytes]:
    """Return a new RSA key with its certificate, and the certificate alone, both PEM. The key is not encrypted."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate, certificate


def make(name: str, keys: Path, url: str) -> None:
    """Make the tables of station ``name``; it knows the other one at ``url``."""
    other = NAMES[1 - NAMES.index(name)]
    for each in NAMES:
        if not (keys / f"{each}.key").exists():
            private, public = make_key(each)
            (keys / f"{each}.key").write_bytes(private)
            (keys / f"{each}.pem").write_bytes(public)
    call_command("migrate", verbosity=0)
    key = PrivateKey.objects.create(name=name, key=(keys / f"{name}.key").read_bytes(), key_pass="")
    certificate = PublicCertificate.objects.create(
        name=other, certificate=(keys / f"{other}.pem").read_bytes(), verify_cert=False
    )
    Organization.objects.create(name=name, as2_name=name, encryption_key=key, signature_key=key)
    Partner.objects.create(
        name=other,
        as2_name=other,
        target_url=url,
        content_type="application/octet-stream",
        encryption="aes_256_cbc",
        encryption_cert=certificate,
        signature="sha256",
        signature_cert=certificate,
        mdn=True,
        mdn_mode="SYNC",
        mdn_sign="sha256",
    )


def prepare(name: str, payload: bytes) -> tuple[Message, As2Message]:
    """Build a message and store it, the first half of the command ``sendas2message``."""
    organisation = Organization.objects.get(as2_name=name)
    partner = Partner.objects.get(as2_name=NAMES[1 - NAMES.index(name)])
    built = As2Message(sender=organisation.as2org, receiver=partner.as2partner)
    built.build(
        payload,
        filename="case.json",
        subject=partner.subject,
        content_type=partner.content_type,
        disposition_notification_to="no-reply@example.org",
    )
    message, _ = Message.objects.create_from_as2message(
        as2message=built, payload=payload, filename="case.json", direction="OUT", status="P"
    )
    return message, built


def send(ready: tuple[Message, As2Message]) -> bool:
    """Send what is ``ready``, the second half; tell whether its signed receipt came, was verified and stored."""
    message, built = ready
    message.send_message(built.headers, built.content)
    if message.status != "S":
        print(message.detailed_status, file=sys.stderr, flush=True)
    return message.status == "S" and message.mdn.signed


def serve(size: int, threads: int) -> None:
    """Prepare and send as many messages of ``size`` bytes as each line asks for; print the seconds of either."""
    name = Organization.objects.get().as2_name
    payload = os.urandom(size)
    with ThreadPoolExecutor(threads) as pool:
        print(json.dumps({"ready": name}), flush=True)
        for line in sys.stdin:
            began = perf_counter()
            ready = list(pool.map(lambda _: prepare(name, payload), range(int(line))))
            prepared, used = perf_counter(), process_time()
            done = sum(pool.map(send, ready))
            told = {"seconds": perf_counter() - prepared, "processor_s": process_time() - used, "done": done}
            print(json.dumps(told | {"prepared_s": prepared - began}), flush=True)


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "make":
        make(sys.argv[2], Path(sys.argv[3]), sys.argv[4])
    else:
        serve(int(sys.argv[2]), int(sys.argv[3]))
