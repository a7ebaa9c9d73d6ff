"""
``isthmus trust``: the list that says which key is which country's, from its first ceremony on.

A list is a folder. It is carried to every machine where a key is, and no key ever comes to it:

    init, add, remove, policy, trustees, cards, renew     write a draft of what is to be signed
    sign, collect                                         sign a draft where the key is; bring signatures together
    publish                                               publish what is signed, with the online key
    show, fingerprint                                     what it holds; what two people read to one another

The verbs that take -C are about a gateway's own home; they are in ``gateway.cli.trust_home``.

Rule 1: nobody signs unseen. Before a signature stands what changes, and the fingerprint that the others see too.
Rule 2: with --dry-run a verb says what it would write and writes nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import segno

from gateway.cli.errors import CommandError, Exit
from gateway.cli.keys import open_person_key
from gateway.cli.output import Verbs, emit, json_option, say, shown
from gateway.cli.session import key_passphrase_option
from gateway.cli.trust_home import HOME_VERBS
from gateway.cli.typed import public_key
from gateway.services.ports import Unavailable
from gateway.transport.card_directory import CARD_MAX_BYTES
from gateway.transport.trust_list import METADATA, TrustList
from gateway.transport.trust_repository import ROLE, Repository, Unready, WrongPlace, kind_of, merge
from keys import b64, trust_list, trust_policy, trust_words
from keys.card import parse_card
from keys.durable_file import make_folder
from keys.trust_list import Standing
from keys.trust_policy import BadList

_FOLDER = click.argument("folder", type=click.Path(file_okay=False, resolve_path=True, path_type=Path))
_DRY = click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
_COUNTRY = click.argument("country")
_FILE = click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path)


@click.group(cls=Verbs)
def trust() -> None:
    """
    Keep the list of whose key is whose, and decide about a State whose key is in doubt.

    FOLDER is the list: metadata, targets and drafts. A KEY is the 43 characters that isthmus keys new prints.
    """


for _verb in HOME_VERBS:
    trust.add_command(_verb)


def _named(texts: tuple[str, ...]) -> dict[str, bytes]:
    """Return the keys in ``texts`` (NAME=KEY) by name; raises ``UsageError``."""
    found: dict[str, bytes] = {}
    for text in texts:
        name, _, key = text.partition("=")
        if not name or not name.isprintable() or name in found:
            raise click.UsageError(f"write NAME=KEY, each name once: {shown(text)}")
        found[name] = public_key(key)
    return found


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _role(role: str) -> str:
    if not ROLE.fullmatch(role):
        raise click.UsageError("the role is root, targets or a country code")
    return role


def _country(code: str) -> str:
    if not trust_policy.is_country(code):
        raise click.UsageError(f"{shown(code)} is no country code")
    return code


def _save(
    list_: Repository, role: str, draft: Any, dry: bool, as_json: bool, files: Mapping[str, bytes] | None = None
) -> None:
    """Keep ``draft`` unless this is a dry run, and say what it changes; none is kept that nobody could sign."""
    lines = trust_list.changes(draft, list_.published(role))
    value = {"role": role, "written": not dry, "changes": lines, "missing": _missing(list_.standings(role, draft))}
    if not dry:
        list_.save_draft(role, draft, files)
    if as_json:
        emit(value)
        return
    click.echo("\n".join(f"  {line}" for line in lines))
    say(f"{'Would be' if dry else 'Is'} a draft of {role}. Next: isthmus trust sign FOLDER {role} --key FILE, by each.")


@contextmanager
def _changing(folder: Path) -> Iterator[Repository]:
    """Open the list in ``folder`` for a change: what is read in the block is what it holds when that is written."""
    if not folder.is_dir():
        raise _no_list(folder)
    list_ = Repository(folder)
    with list_.alone():
        yield list_


def _no_list(folder: Path) -> CommandError:
    return CommandError(
        Exit.USAGE, "no-list", f"{folder} holds no trust list", "check the path, or: isthmus trust init"
    )


def _check_none(list_: Repository) -> None:
    """Raise ``FileExistsError`` if there is a list already, or its first root waits for signatures."""
    if list_.root() is not None or "root" in list_.roles_in_draft():
        raise FileExistsError(None, "holds a list already", str(list_.folder))


def _missing(standings: tuple[Standing, ...]) -> int:
    return max(one.missing for one in standings)


def _targets_draft(list_: Repository) -> Any:
    """Return targets to change: a new draft of those published, or the one in draft without its signatures."""
    published, draft = list_.targets(), list_.draft("targets")
    if draft is not None:
        if draft.signatures:
            say("The targets in draft change: who has signed them has to sign again.")
        draft.signatures.clear()
        return draft
    if published is None:
        raise BadList("there are no targets yet: isthmus trust init")
    return trust_list.next_targets(published.signed, _now())


# Drafts.


@trust.command()
@_FOLDER
@click.option("--trustee", "trustees", multiple=True, required=True, metavar="NAME=KEY", help="A trustee, by name.")
@click.option("--online", multiple=True, required=True, metavar="NAME=KEY", help="A key of the publisher.")
@click.option("--threshold", default=trust_list.TRUSTEES_THRESHOLD, show_default=True, help="Trustees that it takes.")
@_DRY
@json_option
def init(
    folder: Path, trustees: tuple[str, ...], online: tuple[str, ...], threshold: int, dry_run: bool, as_json: bool
) -> None:
    """Begin a list in FOLDER: its trustees, how many of them it takes, and the publisher's key."""
    if not len(trustees) < 2 * threshold <= 2 * len(trustees):
        text = f"--threshold {threshold} of {len(trustees)} trustees: it takes more than half, and not more than all"
        raise click.UsageError(text)
    root = trust_list.new_root(_named(trustees), _named(online), _now(), threshold)
    targets = trust_list.new_targets(_now())
    if dry_run:
        _check_none(Repository(folder))
    else:
        make_folder(folder)
        with _changing(folder) as list_:
            _check_none(list_)
            list_.save_draft("targets", targets)
            list_.save_draft("root", root)  # last: where this is cut short nothing is begun, and it is run again
    lines = trust_list.changes(root, None)
    if as_json:
        emit({"roles": ["root", "targets"], "written": not dry_run, "changes": lines, "missing": threshold})
        return
    click.echo("\n".join(f"  {line}" for line in lines))
    say("Each trustee compares all fingerprints with the others, then signs root and targets: isthmus trust sign.")


@trust.command()
@_FOLDER
@_COUNTRY
@click.option("--key", "keys", multiple=True, required=True, metavar="KEY", help="A key of the country; three of them.")
@click.option("--threshold", default=trust_list.COUNTRY_THRESHOLD, show_default=True, help="Of them that it takes.")
@_DRY
@json_option
def add(folder: Path, country: str, keys: tuple[str, ...], threshold: int, dry_run: bool, as_json: bool) -> None:
    """Let keys of COUNTRY speak for it, in place of those that did. The trustees sign."""
    with _changing(folder) as list_:
        draft = _targets_draft(list_)
        trust_list.delegate(draft.signed, _country(country), [public_key(key) for key in keys], threshold)
        _save(list_, "targets", draft, dry_run, as_json)


@trust.command()
@_FOLDER
@_COUNTRY
@_DRY
@json_option
def remove(folder: Path, country: str, dry_run: bool, as_json: bool) -> None:
    """Let nobody speak for COUNTRY any more. The trustees sign."""
    with _changing(folder) as list_:
        draft = _targets_draft(list_)
        if country not in trust_list.countries(draft.signed):
            raise click.UsageError(f"the list does not name {shown(country)}")
        trust_list.remove(draft.signed, country)
        _save(list_, "targets", draft, dry_run, as_json)


@trust.command()
@_FOLDER
@click.argument("file", type=_FILE)
@_DRY
@json_option
def policy(folder: Path, file: Path, dry_run: bool, as_json: bool) -> None:
    """Put the policy FILE (suites.json, distrust.json, types.json or witness.txt) into the list. The trustees sign."""
    if file.name not in trust_policy.POLICIES:
        known = ", ".join(trust_policy.POLICIES)
        raise click.UsageError(f"no policy is named {shown(file.name)}; the name of FILE is one of: {known}")
    raw = _read(file, trust_policy.POLICY_MAX_BYTES)
    trust_policy.check_policy(file.name, raw)
    path = trust_policy.policy_path(file.name)
    with _changing(folder) as list_:
        draft = _targets_draft(list_)
        trust_list.set_target(draft.signed, path, raw)
        _save(list_, "targets", draft, dry_run, as_json, {path: raw})


@trust.command()
@_FOLDER
@click.option("--add", "added", multiple=True, metavar="NAME=KEY", help="A new trustee.")
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="A trustee that goes.")
@click.option("--online", multiple=True, metavar="NAME=KEY", help="The publisher's keys, in place of those listed.")
@click.option("--threshold", type=int, help="How many trustees it takes; by default as before.")
@_DRY
@json_option
def trustees(
    folder: Path,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    online: tuple[str, ...],
    threshold: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Change the trustees, their number, or the publisher's key: the next root.

    It takes as many of the old trustees as before, and as many of the new as from now on.
    """
    with _changing(folder) as list_:
        root = list_.root()
        if root is None:
            raise BadList("there is no root yet: isthmus trust init")
        holders = trust_list.keys_of(root.signed, "root")
        unknown = [name for name in removed if name not in holders]
        if unknown:
            raise click.UsageError(f"no trustee is named {shown(unknown[0])}; there are: {', '.join(holders)}")
        holders = {name: key for name, key in holders.items() if name not in removed} | _named(added)
        draft = trust_list.next_root(
            root.signed, _now(), trustees=holders, online=_named(online) or None, threshold=threshold
        )
        _save(list_, "root", draft, dry_run, as_json)
    if list_.targets() is not None and list_.draft("targets") is None:
        say("If trustees go, those that stay may have to sign the targets anew: isthmus trust renew FOLDER targets.")


@trust.command()
@_FOLDER
@_COUNTRY
@click.argument("files", nargs=-1, required=True, type=_FILE)
@_DRY
@json_option
def cards(folder: Path, country: str, files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """
    List the cards in FILES as those of COUNTRY, the newest last. Its own keys sign.

    Name every card that another State may still have to follow: those of the last thirteen months.
    """
    raws = [_read(file, CARD_MAX_BYTES).rstrip(b"\r\n") for file in files]
    found = sorted((parse_card(raw) for raw in raws), key=lambda card: card.serial)
    if {card.country for card in found} != {country}:
        raise CommandError(Exit.INTEGRITY, "wrong-country", "a card of another country", f"take those of {country}")
    for one, after in pairwise(card.serial for card in found):
        if after > one + 1:
            text, hint = f"card {one + 1} is missing between {one} and {after}", "name every card: readers follow each"
            raise CommandError(Exit.USAGE, "gap", text, hint)
    document = trust_policy.serialize_cards(country, [card.raw for card in found])
    with _changing(folder) as list_:
        before = list_.part(country)
        draft = trust_list.new_country(country, document, _now(), before.signed if before else None)
        _save(list_, country, draft, dry_run, as_json, {trust_policy.cards_path(country): document})


@trust.command()
@_FOLDER
@click.argument("role")
@_DRY
@json_option
def renew(folder: Path, role: str, dry_run: bool, as_json: bool) -> None:
    """Draft ROLE (root, targets or a country) anew with the same content, because it runs out or its signers change."""
    with _changing(folder) as list_:
        now, published = _now(), list_.published(_role(role))
        if published is None:
            raise BadList(f"nothing of {role} is published")
        if role == "root":
            draft: Any = trust_list.next_root(published.signed, now)
        elif role == "targets":
            draft = trust_list.next_targets(published.signed, now)
        else:
            document = list_.content(published.signed, trust_policy.cards_path(role))
            draft = trust_list.new_country(role, document, now, published.signed)
        _save(list_, role, draft, dry_run, as_json)


# Signatures.


@trust.command()
@_FOLDER
@click.argument("role")
@click.option("--key", "file", required=True, type=_FILE, help="The key store of who signs (isthmus keys new).")
@key_passphrase_option
@click.option("--fingerprint", help="What the others read out, in quotes; otherwise you are asked.")
@_DRY
@json_option
def sign(
    folder: Path,
    role: str,
    file: Path,
    key_passphrase_file: Path | None,
    fingerprint: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Show what the draft of ROLE changes and its fingerprint, and sign it with your key. Needs no network."""
    list_ = Repository(folder)
    draft = list_.draft(_role(role))
    if draft is None:
        raise CommandError(
            Exit.USAGE, "no-draft", f"nothing of {role} waits for signatures", "isthmus trust show FOLDER"
        )
    ours = trust_list.fingerprint(draft)
    if not as_json:
        click.echo("\n".join(f"  {line}" for line in trust_list.changes(draft, list_.published(role))))
        click.echo(f"\nFingerprint of this draft:\n{trust_words.lines(ours)}\n")
    _compare(ours, fingerprint)
    signer = open_person_key(file, key_passphrase_file)
    named = {key for one in list_.standings(role, draft) for key in (*one.signed, *one.unsigned)}
    if signer.public not in named:
        raise CommandError(Exit.INTEGRITY, "not-a-signer", f"this key does not sign {role}", "take the right key store")
    with list_.alone():
        newest = list_.draft(role)  # who else signed while the words were compared has signed
        if newest is None or newest.signed_bytes != draft.signed_bytes:
            hint = "look at it again, and sign what is there now"
            raise CommandError(Exit.INTEGRITY, "changed", f"the draft of {role} changed meanwhile", hint)
        trust_list.add_signature(newest, signer)
        if not dry_run:
            list_.save_draft(role, newest)
    missing = _missing(list_.standings(role, newest))
    emit({"role": role, "signed": not dry_run, "by": b64.encode(signer.public), "missing": missing}, as_json=as_json)
    say(f"{missing} more to sign." if missing else "That is enough: isthmus trust publish FOLDER --key FILE.")


def _compare(ours: bytes, given: str | None) -> None:
    """Return if what the others read out is ``ours``, or the person at the terminal says so. Raises otherwise."""
    if given is None:
        click.confirm("Is this what you mean to sign, and do all read the same words?", abort=True, err=True)
        return
    try:
        same = trust_words.read(given) == ours
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if not same:
        raise CommandError(
            Exit.INTEGRITY,
            "fingerprint",
            "the draft here has another fingerprint than the one read out",
            "sign nothing; find out who holds another draft",
        )


@trust.command()
@_FOLDER
@click.argument("files", nargs=-1, required=True, type=_FILE)
@_DRY
@json_option
def collect(folder: Path, files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Take the signatures from FILES, copies of drafts that were signed elsewhere (drafts/root.json and the like)."""
    brought = [
        (file, trust_list.parse(_read(file, 5_000_000), kind_of(_role(file.stem)))) for file in files
    ]  # before anybody has to wait: it may come from a slow medium
    taken = {}
    with _changing(folder) as list_:
        for file, other in brought:
            draft = list_.draft(file.stem)
            if draft is None:
                text = f"nothing of {file.stem} waits for signatures"
                raise CommandError(Exit.USAGE, "no-draft", text, "isthmus trust show FOLDER")
            count = merge(draft, other)
            if not dry_run:
                list_.save_draft(file.stem, draft)
            taken[str(file)] = {"new": count, "missing": _missing(list_.standings(file.stem, draft))}
    emit(taken, as_json=as_json)


@trust.command()
@_FOLDER
@click.option("--key", "file", required=True, type=_FILE, help="The key store of the publisher's key.")
@key_passphrase_option
@click.option(
    "--to", "place", type=click.Path(file_okay=False, path_type=Path), help="Copy for readers: a web root, a stick."
)
@_DRY
@json_option
def publish(
    folder: Path, file: Path, key_passphrase_file: Path | None, place: Path | None, dry_run: bool, as_json: bool
) -> None:
    """
    Publish what is signed, and say that this is the newest list. Run it every hour; readers stop believing after a day.

    Exits 1 if a draft waits for signatures still, or readers refuse the part of a State.
    """
    list_, signer = Repository(folder), open_person_key(file, key_passphrase_file)
    with list_.alone():
        if place is not None:
            try:
                list_.check_place(place)
            except WrongPlace as error:
                raise CommandError(Exit.INTEGRITY, "place", str(error), error.hint) from error
        try:
            made = list_.publish(signer, _now(), dry_run=dry_run)
        except Unready as error:
            hint = "isthmus trust show FOLDER names who has not signed"
            raise CommandError(Exit.FINDINGS, "waits", f"nothing is published: {error}", hint) from error
        value: dict[str, Any] = {
            "published": made.roles,
            "waiting": dict(made.waiting),
            "notes": made.notes,
            "snapshot": made.snapshot,
            "timestamp": made.timestamp,
            "written": not dry_run,
        }
        if not dry_run:
            value["refused"] = _read_back(folder)
        if place is not None and not dry_run:
            value["copied"] = list_.copy_to(place)
            _read_back(folder, place)
    emit(value, as_json=as_json)
    if made.waiting or value.get("refused"):
        click.get_current_context().exit(int(Exit.FINDINGS))


def _read_back(folder: Path, copy: Path | None = None) -> dict[str, str]:
    """
    Read the list as a stranger would who holds its first root; return the States whose part is refused, and why.

    Read is the ``copy`` of it for readers, if one is given. Raises ``CommandError`` if the list as a whole is refused.
    """
    root = folder / METADATA / "1.root.json"
    with TemporaryDirectory() as place:
        list_ = (copy or folder).resolve().as_uri()
        reader = TrustList(list_, root, Path(place) / "cache", Path(place) / "cards", "")
        try:
            reader.read()
        except Unavailable as error:
            hint = "where a part has expired, isthmus trust renew, then sign and publish; else ask for help"
            if copy is not None:
                hint = f"what else lies at {copy} is not of this list: publish to an empty folder, and serve that"
            raise CommandError(
                Exit.INTEGRITY, "refused", str(error), f"readers keep the list before; {hint}"
            ) from error
        return dict(reader.faults())


# Looking.


@trust.command()
@_FOLDER
@json_option
def show(folder: Path, as_json: bool) -> None:
    """Show what is published and until when, and which drafts wait for whom."""
    list_ = Repository(folder)
    root, targets = list_.root(), list_.targets()
    if root is None and not list_.roles_in_draft():
        raise _no_list(folder)
    parts: dict[str, Any] = {"root": root, "targets": targets}
    if targets is not None:
        parts |= {country: list_.part(country) for country in trust_list.countries(targets.signed)}
    parts |= {"snapshot": list_.snapshot(), "timestamp": list_.timestamp()}
    value = {
        "published": [
            {"role": role, "version": part.signed.version, "expires": part.signed.expires}
            for role, part in parts.items()
            if part
        ],
        "drafts": [_draft_json(list_, role, list_.draft(role)) for role in list_.roles_in_draft()],
    }
    emit(value, as_json=as_json)


def _draft_json(list_: Repository, role: str, draft: Any) -> dict[str, Any]:
    standings = list_.standings(role, draft)
    roots = [one.signed for one in (list_.root(), list_.draft("root")) if one and role in ("root", "targets")]
    names = {key: f"{name}=" for root in roots for name, key in trust_list.keys_of(root, role).items()}
    return {
        "role": role,
        "version": draft.signed.version,
        "fingerprint": trust_words.hexadecimal(trust_list.fingerprint(draft)),
        "missing": _missing(standings),
        "not_signed_by": sorted({names.get(key, "") + b64.encode(key) for one in standings for key in one.unsigned}),
    }


@trust.command()
@click.argument("what")
@click.option("--qr", is_flag=True, help="Also draw it as a QR code at the terminal.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the QR code to this .svg or .png file."
)
@json_option
def fingerprint(what: str, qr: bool, out: Path | None, as_json: bool) -> None:
    """Print the fingerprint of WHAT, a KEY or the file of a card, a root or a draft: as words, digits and a QR code."""
    if out is not None and out.suffix not in (".svg", ".png"):
        raise click.UsageError(f"{out} is neither .svg nor .png")
    value = _fingerprint_of(what)
    code = segno.make_qr(value.hex().upper(), error="m")
    if out is not None:
        code.save(str(out), scale=8)
    if as_json:
        emit(
            {"words": list(trust_words.words(value)), "hex": trust_words.hexadecimal(value), "qr": value.hex().upper()}
        )
        return
    click.echo(f"{trust_words.lines(value)}\n\n{trust_words.hexadecimal(value)}")
    if qr:
        code.terminal(compact=True)


def _fingerprint_of(what: str) -> bytes:
    path = Path(what)
    if not path.is_file():
        try:
            return trust_words.fingerprint_of(public_key(what))
        except click.UsageError as error:
            raise click.UsageError(f"{what} is no file here, and no public key: {error.message}") from error
    raw = _read(path, 5_000_000)
    if raw.lstrip().startswith(b"{"):
        return trust_list.fingerprint(trust_list.parse_root_or_targets(raw))
    return trust_words.fingerprint_of(parse_card(raw.rstrip(b"\r\n")).identity)


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        raw = file.read(most + 1)
    if len(raw) > most:
        raise CommandError(Exit.USAGE, "too-large", f"{path} is larger than {most} bytes", "take the right file")
    return raw
