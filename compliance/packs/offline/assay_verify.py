#!/usr/bin/env python3
"""Checks an Assay evidence pack with nothing but Python 3.9 or later: no network, no other package.

    python3 assay_verify.py pack.pdf --receipt pack.receipt.json --signer SHA-256-OF-THE-SEAL-CERTIFICATE
    python3 assay_verify.py --consistent consistency.json --older earlier-pack.pdf --newer pack.pdf

Take this file from Assay's repository and compare its SHA-256 with the one printed there. A copy that came inside the pack is
as trustworthy as the pack. The signer's fingerprint should reach you by another way as well: on paper, or in person.

Checked: the file against the receipt; the receipt's signature against the fingerprint; the manifest against the attached
files; its Merkle root; counts; the proofs from the ledger. Not judged here: whom the certificate leads to, time stamps, and
what was changed after sealing.

The second line checks that the ledger behind the newer file grew from the one behind the older file and was not rewritten in
between. Each file may be a pack, its ledger-proofs.json, or a checkpoint. The organisation gives you the document:
`manage.py prove_ledger consistency --from BLOCKS --checkpoint UUID`, with the blocks of the older and the uuid of the newer.

Exit codes: 0 all checks passed, 1 one failed, 2 the input cannot be used.
"""

from __future__ import annotations

import argparse
import base64
import csv
import hashlib
import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Any

MANIFEST, FREEZE, PROOFS = "manifest.json", "freeze.json", "ledger-proofs.json"
CHECKPOINT, CONSISTENCY = "assay-checkpoint/1", "assay-ledger-consistency/1"
PAYLOAD_TYPE = "application/vnd.assay.receipt+json"
LARGEST_FILE, LARGEST_ATTACHMENT = 200 << 20, 200 << 20
COUNTED = ("questions", "evidence", "models", "scans", "file_scans", "findings")


class BadInputError(Exception):
    """The input cannot be used; the message says why."""


# PDF: as much as it takes to reach the attached files of a pack -------------------------------------------------------


class Ref(int):
    """A reference to an object by its number."""


class Name(str):
    """A name, without its slash."""


_TOKEN = re.compile(rb"\s*(?:%[^\r\n]*[\r\n]\s*)*(<<|>>|\[|\]|/[^\s/<>\[\]()%]*|\(|<[0-9A-Fa-f\s]*>|[^\s/<>\[\]()%]+)")
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class Pdf:
    """Reads objects through the file's own cross-reference tables, newest first."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.offsets: dict[int, int] = {}
        self.root: Any = None
        found = re.search(rb"startxref\s+(\d+)\s+%%EOF\s*\Z", content[-2048:])
        if not found:
            raise BadInputError("the file does not end where a PDF ends")
        place: int | None = int(found.group(1))
        seen: set[int] = set()
        while place is not None and place not in seen:
            seen.add(place)
            place = self._table(place)

    def _table(self, place: int) -> int | None:
        if self.content[place : place + 4] != b"xref":
            raise BadInputError("the file's cross references are of a kind that no pack has")
        place += 4
        while True:
            head = re.compile(rb"\s*(\d+)\s+(\d+)\s*[\r\n]+").match(self.content, place)
            if not head:
                break
            first, count, place = int(head.group(1)), int(head.group(2)), head.end()
            for number in range(first, first + count):
                entry = self.content[place : place + 20]
                if entry[17:18] == b"n":
                    self.offsets.setdefault(number, int(entry[:10]))
                place += 20
        trailer, _ = self.value(self.content.index(b"trailer", place) + 7)
        self.root = trailer["Root"] if self.root is None else self.root
        earlier: int | None = trailer.get("Prev")
        return earlier

    def _token(self, place: int) -> tuple[bytes, int]:
        found = _TOKEN.match(self.content, place)
        if not found:
            raise BadInputError("the file holds something that is no PDF object")
        return found.group(1), found.end()

    def value(self, place: int, depth: int = 0) -> tuple[Any, int]:
        """The object there, and where it ends."""
        if depth > 60:
            raise BadInputError("the file is nested too deeply")
        token, place = self._token(place)
        if token == b"<<":
            return self._dictionary(place, depth)
        if token == b"[":
            return self._array(place, depth)
        if token == b"(":
            return self._text(place)
        if token[:1] == b"<":
            digits = re.sub(rb"\s", b"", token[1:-1])
            return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()), place
        if token[:1] == b"/":
            return Name(
                re.sub(rb"#([0-9A-Fa-f]{2})", lambda m: bytes([int(m.group(1), 16)]), token[1:]).decode("latin-1")
            ), place
        if token.isdigit():
            reference = re.compile(rb"\s+\d+\s+R(?![A-Za-z])").match(self.content, place)
            return (Ref(int(token)), reference.end()) if reference else (int(token), place)
        return token.decode("latin-1"), place

    def _dictionary(self, place: int, depth: int) -> tuple[dict[str, Any], int]:
        made: dict[str, Any] = {}
        while True:
            token, after = self._token(place)
            if token == b">>":
                return made, after
            key, place = self.value(place, depth + 1)
            made[key], place = self.value(place, depth + 1)

    def _array(self, place: int, depth: int) -> tuple[list[Any], int]:
        made: list[Any] = []
        while True:
            token, after = self._token(place)
            if token == b"]":
                return made, after
            member, place = self.value(place, depth + 1)
            made.append(member)

    def _text(self, place: int) -> tuple[bytes, int]:
        made, open_brackets = b"", 1
        while open_brackets:
            byte = self.content[place : place + 1]
            place += 1
            if byte == b"\\":
                octal = re.compile(rb"[0-7]{1,3}").match(self.content, place)
                following = self.content[place : place + 1]
                made += bytes([int(octal.group(0), 8) & 255]) if octal else _ESCAPES.get(following, following)
                place = octal.end() if octal else place + 1
                continue
            open_brackets += (byte == b"(") - (byte == b")")
            if not byte:
                raise BadInputError("a text in the file has no end")
            made += byte if open_brackets else b""
        return made, place

    def get(self, value: Any) -> Any:
        """What a reference leads to; anything else is itself."""
        if not isinstance(value, Ref):
            return value
        place = self.offsets[int(value)]
        head = re.compile(rb"\s*%d\s+\d+\s+obj" % int(value)).match(self.content, place)
        if not head:
            raise BadInputError(f"object {int(value)} is not where the cross references say")
        return self.value(head.end())[0]

    def stream(self, reference: Ref) -> bytes:
        """The bytes of a stream, inflated where it is deflated."""
        place = self.offsets[int(reference)]
        dictionary, after = self.value(self.content.index(b"obj", place) + 3)
        start = re.compile(rb"\s*stream\r?\n").match(self.content, after)
        if not start:
            raise BadInputError("an attached file has no bytes")
        raw = self.content[start.end() : start.end() + self.get(dictionary["Length"])]
        kind = self.get(dictionary.get("Filter", []))
        if kind in ([], [Name("FlateDecode")], Name("FlateDecode")):
            return raw if kind == [] else _inflate(raw)
        raise BadInputError("an attached file is packed in a way that no pack uses")

    def attachments(self) -> dict[str, bytes]:
        """Attached files by name. Raises BadInputError where a name stands twice."""
        names = self.get(self.get(self.get(self.root).get("Names", {})).get("EmbeddedFiles", {}))
        found: dict[str, bytes] = {}
        for key, spec in self._leaves(names):
            name = _text_of(self.get(key))
            if name in found:
                raise BadInputError(f"the file attaches {name} twice")
            found[name] = self.stream(self.get(self.get(spec)["EF"])["F"])
        return found

    def _leaves(self, node: dict[str, Any], depth: int = 0) -> Iterator[tuple[Any, Any]]:
        if depth > 20:
            raise BadInputError("the list of attached files is nested too deeply")
        names = self.get(node.get("Names", []))
        yield from zip(names[::2], names[1::2])
        for kid in self.get(node.get("Kids", [])):
            yield from self._leaves(self.get(kid), depth + 1)


def _inflate(raw: bytes) -> bytes:
    packed = zlib.decompressobj()
    content = packed.decompress(raw, LARGEST_ATTACHMENT)
    if packed.unconsumed_tail:
        raise BadInputError("an attached file grows beyond what a pack holds")
    return content


def _text_of(value: bytes) -> str:
    return value[2:].decode("utf-16-be") if value[:2] == b"\xfe\xff" else value.decode("utf-8", "replace")


# Signatures: RSA (PKCS #1 v1.5) and ECDSA on P-256, over SHA-256 ------------------------------------------------------

_SHA256_HEAD = bytes.fromhex("3031300d060960864801650304020105000420")
Point = Any  # (x, y), or None for the point at infinity
_RSA, _EC = bytes.fromhex("2a864886f70d010101"), bytes.fromhex("2a8648ce3d0201")
_P256 = (
    bytes.fromhex("2a8648ce3d030107"),
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)


def _der(content: bytes) -> list[tuple[int, bytes]]:
    """Members of a run of DER values: (tag, content)."""
    found, place = [], 0
    while place < len(content):
        tag, length, place = content[place], content[place + 1], place + 2
        if length & 0x80:
            size = length & 0x7F
            length, place = int.from_bytes(content[place : place + size], "big"), place + size
        found.append((tag, content[place : place + length]))
        place += length
    return found


def _public_key(certificate: bytes) -> tuple[bytes, bytes, bytes]:
    """Algorithm, parameters, and the bits of the key."""
    body = _der(_der(_der(certificate)[0][1])[0][1])
    algorithm, bits = _der(body[6 if body[0][0] == 0xA0 else 5][1])
    parts = _der(algorithm[1])
    return parts[0][1], parts[1][1] if len(parts) > 1 else b"", bits[1][1:]


def _rsa_fits(key: bytes, signature: bytes, digest: bytes) -> bool:
    modulus, exponent = (int.from_bytes(part, "big") for _tag, part in _der(_der(key)[0][1]))
    size = (modulus.bit_length() + 7) // 8
    tail = b"\x00" + _SHA256_HEAD + digest
    wanted = b"\x00\x01" + b"\xff" * (size - 2 - len(tail)) + tail
    if size < 256 or len(signature) != size:
        return False
    return pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big") == wanted


def _add(one: Point, other: Point, prime: int) -> Point:
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % prime == 0:
        return None
    if one[0] == other[0]:
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, prime)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, prime)
    x = (slope * slope - one[0] - other[0]) % prime
    return x, (slope * (one[0] - x) - one[1]) % prime


def _times(factor: int, point: Point, prime: int) -> Point:
    made: Point = None
    while factor:
        if factor & 1:
            made = _add(made, point, prime)
        point, factor = _add(point, point, prime), factor >> 1
    return made


def _ecdsa_fits(key: bytes, signature: bytes, digest: bytes) -> bool:
    _oid, prime, b, order, base = _P256
    x, y = int.from_bytes(key[1:33], "big"), int.from_bytes(key[33:], "big")
    r, s = (int.from_bytes(part, "big") for _tag, part in _der(_der(signature)[0][1]))
    on_curve = key[:1] == b"\x04" and len(key) == 65 and (y * y - x * x * x + 3 * x - b) % prime == 0
    if not (on_curve and 0 < r < order and 0 < s < order):
        return False
    inverse, hashed = pow(s, -1, order), int.from_bytes(digest, "big")
    point = _add(_times(hashed * inverse % order, base, prime), _times(r * inverse % order, (x, y), prime), prime)
    return point is not None and point[0] % order == r


def signature_fits(certificate: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the certificate's key made the signature. Never raises: what cannot be read does not fit."""
    digest = hashlib.sha256(data).digest()
    try:
        algorithm, parameters, key = _public_key(certificate)
        if algorithm == _RSA:
            return _rsa_fits(key, signature, digest)
        return (algorithm, parameters) == (_EC, _P256[0]) and _ecdsa_fits(key, signature, digest)
    except (ValueError, IndexError, TypeError, OverflowError):
        return False


_Q25519 = 2**255 - 19
_L25519 = 2**252 + 27742317777372353535851937790883648493
_D25519 = -121665 * pow(121666, -1, _Q25519) % _Q25519


def _edwards_add(one: Point, other: Point) -> Point:
    """RFC 8032, section 5.1.4, in extended coordinates."""
    a = (one[1] - one[0]) * (other[1] - other[0])
    b = (one[1] + one[0]) * (other[1] + other[0])
    c, d = 2 * one[3] * other[3] * _D25519, 2 * one[2] * other[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _Q25519, g * h % _Q25519, f * g % _Q25519, e * h % _Q25519


def _edwards_times(factor: int, point: Point) -> Point:
    made: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            made = _edwards_add(made, point)
        point, factor = _edwards_add(point, point), factor >> 1
    return made


def _edwards_point(encoded: bytes) -> Point:
    """RFC 8032, section 5.1.3. Raises ValueError."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(_D25519 * y * y + 1, -1, _Q25519) % _Q25519
    x = pow(square, (_Q25519 + 3) // 8, _Q25519)
    if (x * x - square) % _Q25519:
        x = x * pow(2, (_Q25519 - 1) // 4, _Q25519) % _Q25519
    if len(encoded) != 32 or y >= _Q25519 or (x * x - square) % _Q25519:
        raise ValueError("no point of the curve")
    if x & 1 != encoded[31] >> 7:
        x = _Q25519 - x
    return x, y, 1, x * y % _Q25519


def ed25519_fits(key: bytes, signature: bytes, message: bytes) -> bool:
    """RFC 8032, section 5.1.7. Never raises: what cannot be read does not fit."""
    try:
        base = _edwards_point((4 * pow(5, -1, _Q25519) % _Q25519).to_bytes(32, "little"))
        public, half = _edwards_point(key), _edwards_point(signature[:32])
        scalar = int.from_bytes(signature[32:], "little")
        challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L25519
        left, right = _edwards_times(scalar, base), _edwards_add(half, _edwards_times(challenge, public))
    except (ValueError, IndexError):
        return False
    same = all((left[n] * right[2] - right[n] * left[2]) % _Q25519 == 0 for n in (0, 1))
    return len(signature) == 64 and scalar < _L25519 and same


# Checks ---------------------------------------------------------------------------------------------------------------


def merkle_root(leaves: list[bytes]) -> str:
    """RFC 9162, section 2.1.1, hexadecimal."""
    nodes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not nodes:
        return hashlib.sha256(b"").hexdigest()
    while len(nodes) > 1:
        odd = nodes[-1:] if len(nodes) % 2 else []
        nodes = [hashlib.sha256(b"\x01" + a + b).digest() for a, b in zip(nodes[::2], nodes[1::2])] + odd
    return nodes[0].hex()


def canonical(value: Any) -> bytes:
    """RFC 8785 for what manifests hold: texts, whole numbers, lists and objects with names in ASCII."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def check_receipt(content: bytes, envelope: Any, signer: str) -> tuple[list[str], Any]:
    """Failures of the receipt; none: the file is the one that the signer's receipt is for. Also the receipt."""
    payload = base64.b64decode(envelope["payload"], validate=True)
    receipt = json.loads(payload)
    failures = []
    if len(envelope["signatures"]) != 1 or envelope["payloadType"] != PAYLOAD_TYPE:
        return ["the receipt is not signed once, as receipts are"], receipt
    certificate = base64.b64decode(envelope["signatures"][0]["certificate"])
    if hashlib.sha256(certificate).hexdigest() != signer:
        failures.append("the receipt is signed by another certificate than the one whose fingerprint you gave")
    kind = PAYLOAD_TYPE.encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    if not signature_fits(certificate, base64.b64decode(envelope["signatures"][0]["sig"]), signed):
        failures.append("the receipt's signature does not fit: it was altered")
    if (len(content), hashlib.sha256(content).hexdigest()) != (receipt["size"], receipt["sha256"]):
        failures.append("the file is not the one that the receipt is for")
    return failures, receipt


def check_manifest(files: dict[str, bytes], receipt: Any) -> list[str]:
    """Failures of the attached files against the manifest, and of the manifest against the receipt."""
    raw = files.get(MANIFEST)
    if raw is None:
        return ["the file holds no manifest: it is no pack"]
    manifest, failures = json.loads(raw), []
    listed = {entry["name"]: entry for entry in manifest["attachments"]}
    if set(listed) | {MANIFEST} != set(files) or len(listed) != len(manifest["attachments"]):
        failures.append("the attached files are not those of the manifest")
    for name in sorted(set(listed) & set(files)):
        there = (len(files[name]), hashlib.sha256(files[name]).hexdigest())
        if there != (listed[name]["size"], listed[name]["sha256"]):
            failures.append(f"{name} is not the file that the manifest names")
    if receipt:
        root = merkle_root([canonical(entry) for entry in manifest["attachments"]])
        if (root, hashlib.sha256(raw).hexdigest()) != (receipt["manifest_root"], receipt["manifest_sha256"]):
            failures.append("the manifest is not the one that the receipt names")
    return failures


def registers(value: Any) -> Iterator[Any]:
    """Every register that the freeze document names."""
    if isinstance(value, dict):
        if {"filename", "media_type", "sha256", "size", "rows"} <= set(value):
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from registers(member)


def _count(records: Any) -> Any:
    """How many there are: in the document itself, or in the register that it names in their place."""
    return records["rows"] if isinstance(records, dict) else len(records)


def check_counts(files: dict[str, bytes]) -> list[str]:
    """Failures of the numbers of records and of rows."""
    manifest, freeze = json.loads(files[MANIFEST]), json.loads(files[FREEZE])
    failures: list[str] = []
    told = manifest["counts"]
    failures += [f"not all {name} are there" for name in COUNTED if told.get(name) != _count(freeze[name])]
    for register in registers(freeze):
        content = files.get(register["filename"])
        if content is None:
            continue
        if hashlib.sha256(content).hexdigest() != register["sha256"]:
            failures.append(f"{register['filename']} is not the register that {FREEZE} names")
        is_table = register["media_type"] == "text/csv"
        rows = (
            sum(1 for _ in csv.reader(io.StringIO(content.decode(), newline=""))) - 1
            if is_table
            else content.count(b"\n")
        )
        if rows != register["rows"]:
            failures.append(f"{register['filename']} has {rows} rows, and {register['rows']} were recorded")
    return failures


def root_by_path(hashed: bytes, index: int, size: int, path: list[bytes]) -> Any:
    """RFC 9162, section 2.1.3.2: the root that a path leads to; None where the path is of the wrong length."""
    if not 0 <= index < size:
        return None
    here, last = index, size - 1
    for each in path:
        if last == 0:
            return None
        if here & 1 or here == last:
            hashed = hashlib.sha256(b"\x01" + each + hashed).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            hashed = hashlib.sha256(b"\x01" + hashed + each).digest()
        here, last = here >> 1, last >> 1
    return hashed if last == 0 else None


def _leads(leaf: bytes, index: int, size: int, path: list[str], root: str) -> bool:
    hashed = hashlib.sha256(b"\x00" + leaf).digest()
    return bool(root_by_path(hashed, index, size, [bytes.fromhex(each) for each in path]) == bytes.fromhex(root))


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


def check_signature(checkpoint: Any) -> list[str]:
    """The failure of a checkpoint's signature; whose key it is, is another question."""
    message = b"assay ledger tree head v1\n" + _digest(checkpoint["statement"]).encode()
    fits = ed25519_fits(bytes.fromhex(checkpoint["key"]), bytes.fromhex(checkpoint["signature"]), message)
    return [] if fits else ["the checkpoint's signature does not fit its key"]


def check_tree(proofs: Any) -> list[str]:
    """Failures of the checkpoint's signature, and of the paths to its root."""
    stated, failures = proofs["checkpoint"]["statement"], check_signature(proofs["checkpoint"])
    for proved in proofs["blocks"]:
        block, leaf = proved["block"], bytes.fromhex(_digest(proved["block"]))
        if not _leads(leaf, block["number"] - 1, stated["blocks"], proved["path"], stated["root"]):
            failures.append(f"block {block['number']} is not under the checkpoint's root")
    blocks = [proved["block"] for proved in proofs["blocks"]]
    for proved in proofs["events"]:
        leaf, place = canonical(proved["event"]), proved["position"]
        held = (
            _leads(leaf, place - block["first_position"], block["event_count"], proved["path"], block["merkle_root"])
            for block in blocks
        )
        if not any(held):
            failures.append(f"the event at position {place} is in no block under the checkpoint's root")
        if "payload" in proved and _digest(proved["payload"]) != proved["event"]["payload_sha256"]:
            failures.append(f"the payload at position {place} is not the one that was recorded")
    return failures


def check_places(proofs: Any, manifest: Any, freeze: Any) -> list[str]:
    """Failures of what the pack says of the ledger against what is proved."""
    failures = []
    blocks = {proved["block"]["number"]: _digest(proved["block"]) for proved in proofs["blocks"]}
    events = {proved["position"]: hashlib.sha256(canonical(proved["event"])).hexdigest() for proved in proofs["events"]}
    head = manifest["ledger"]
    if head["block"] and blocks.get(head["block"]) != head["block_hash"]:
        failures.append("the ledger's head, as the manifest states it, is not under the checkpoint's root")
    frozen = manifest.get("withheld", manifest)["freeze_sha256"]
    for proved in proofs["events"]:
        is_freeze = proved["event"]["kind"] == "assessment.frozen"
        if is_freeze and proved.get("payload", {}).get("document_sha256") != frozen:
            failures.append("the ledger says that another document was frozen")
    places = [each["ledger"] for each in freeze["evidence"] if each["ledger"] and each["ledger"]["position"]]
    known = [place for place in places if place["position"] in events]
    failures += [
        f"position {place['position']} of the ledger holds another event than the evidence index says"
        for place in known
        if events[place["position"]] != place["event"]
    ]
    if len(places) - len(known) != proofs["left_out"]:
        failures.append("the evidence index names places in the ledger for which there is no proof")
    return failures


def grew(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2: whether the path shows that the smaller tree is the beginning of the larger one."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    rest = path if old & (old - 1) else [old_root, *path]
    if not rest:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = rest[0]
    for each in rest[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first = hashlib.sha256(b"\x01" + each + first).digest()
            second = hashlib.sha256(b"\x01" + each + second).digest()
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            second = hashlib.sha256(b"\x01" + second + each).digest()
        here, last = here >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def check_growth(older: Any, proof: Any) -> list[str]:
    """Failures of the word that the older checkpoint's ledger is the beginning of the later one's."""
    old, start, new = older["statement"], proof["from"], proof["to"]["statement"]
    if old["blocks"] > new["blocks"] or old["events"] > new["events"]:
        counts = f"{new['blocks']} blocks with {new['events']} events, and the older one {old['blocks']} with {old['events']}"
        return [f"the later ledger counts {counts}: it was cut off, or the files are the wrong way round"]
    if start["blocks"] != old["blocks"]:
        return [
            f"the consistency document is for a ledger of {start['blocks']} blocks, and the older file's has {old['blocks']}"
        ]
    if start["root"] != old["root"]:
        return ["the document begins at another ledger than the older file's: that one was rewritten, or there are two"]
    roots = bytes.fromhex(old["root"]), bytes.fromhex(new["root"])
    if grew(old["blocks"], new["blocks"], *roots, [bytes.fromhex(each) for each in proof["path"]]):
        return []
    return [f"the ledger of {old['blocks']} blocks is not the beginning of the one of {new['blocks']}"]


def _read(path: str, largest: int) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise BadInputError(f"{path} cannot be read ({error.strerror})") from error
    if len(content) > largest:
        raise BadInputError(f"{path} is larger than {largest >> 20} MiB")
    return content


def _tell(question: str, failures: list[str]) -> bool:
    print(f"{'FAILED' if failures else 'ok    '} {question}" + "".join(f"\n         {each}" for each in failures))
    return bool(failures)


NOT_JUDGED = """not judged here: whom the certificate leads to, time stamps, changes after sealing
         pyhanko sign validate --pretty-print --trust root.pem pack.pdf
         or open the file in a reader that shows signatures, and trust the root whose fingerprint you were given"""


def verify(path: str, receipt_path: str | None, signer: str) -> int:
    """Prints a line for each question; how many failed."""
    content, receipt, failed = _read(path, LARGEST_FILE), None, 0
    if receipt_path:
        failures, receipt = check_receipt(content, json.loads(_read(receipt_path, 100_000)), signer)
        failed += _tell("file and receipt, signed by the fingerprint that you gave", failures)
    else:
        print("  -    no receipt: whether this is the file that was issued was not compared")
    files = Pdf(content).attachments()
    failed += _tell(f"{len(files)} attached files against the manifest", check_manifest(files, receipt))
    failed += _tell(
        "numbers of records and rows", check_counts(files) if MANIFEST in files else ["there is no manifest"]
    )
    if PROOFS in files:
        proofs, manifest = json.loads(files[PROOFS]), json.loads(files[MANIFEST])
        failures = check_tree(proofs) + check_places(proofs, manifest, json.loads(files[FREEZE]))
        failed += _tell(f"{len(proofs['events'])} events and {len(proofs['blocks'])} blocks of the ledger", failures)
        print(f"         checkpoint over {proofs['checkpoint']['statement']['blocks']} blocks, signed by the key")
        print(f"         {proofs['checkpoint']['key']}: compare it with the one that you were given")
    else:
        print("  -    no proofs from the ledger: the pack carries none")
    print(f"  -    {NOT_JUDGED}")
    print(f"{path}: SHA-256 {hashlib.sha256(content).hexdigest()}")
    return failed


def _json(path: str, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path} is neither a pack nor JSON") from error
    return value if isinstance(value, dict) else {}


def checkpoint_in(path: str) -> Any:
    """The checkpoint of a pack, of its proofs, or of a file that is one. Raises BadInputError."""
    content = _read(path, LARGEST_FILE)
    if content[:5] == b"%PDF-":
        try:
            files = Pdf(content).attachments()
        except BadInputError as error:
            raise BadInputError(f"{path}: {error}") from error
        if PROOFS not in files:
            raise BadInputError(f"{path} carries no proofs from the ledger, as full packs do")
        content = files[PROOFS]
    value = _json(path, content)
    found = value.get("checkpoint", value)
    if not isinstance(found, dict) or (found.get("statement") or {}).get("schema") != CHECKPOINT:
        raise BadInputError(f"{path} holds no checkpoint of a ledger")
    return found


def verify_growth(proof_path: str, older_path: str, newer_path: str | None) -> int:
    """Prints a line for each question; how many failed."""
    proof, failed = _json(proof_path, _read(proof_path, LARGEST_FILE)), 0
    if proof.get("schema") != CONSISTENCY:
        raise BadInputError(
            f"{proof_path} is no document of a ledger's consistency (prove_ledger consistency makes one)"
        )
    older, later = checkpoint_in(older_path), proof["to"]
    failed += _tell(
        f"signature of the older checkpoint, over {older['statement']['blocks']} blocks", check_signature(older)
    )
    failed += _tell(
        f"signature of the later checkpoint, over {later['statement']['blocks']} blocks", check_signature(later)
    )
    if newer_path:
        same = checkpoint_in(newer_path)["statement"] == later["statement"]
        failed += _tell(
            "the consistency document ends at the newer file's checkpoint",
            [] if same else ["it ends at another checkpoint than that"],
        )
    else:
        print("  -    no newer file: whether you hold the later checkpoint from somebody else was not compared")
    failed += _tell("the ledger grew from the older checkpoint and was not rewritten", check_growth(older, proof))
    for words, one in (("older", older), ("later", later)):
        print(f"         {words} checkpoint of {one['statement']['made_at']}, signed by the key")
        print(f"         {one['key']}")
    if older["key"] != later["key"]:
        print("  -    the keys differ: ask the organisation whether it changed its key in between")
    print("  -    not judged here: whose these keys are (compare them with those that you were given), time stamps,")
    print("         and events that were never recorded")
    return failed


def _run(options: Any, signer: str) -> int:
    if options.consistent:
        return verify_growth(options.consistent, options.older, options.newer)
    return verify(options.pack, options.receipt, signer)


def main(arguments: list[str]) -> int:
    """See the top of the file."""
    parser = argparse.ArgumentParser(
        description="Check an Assay evidence pack, or the growth of its ledger, without Assay."
    )
    parser.add_argument("pack", nargs="?")
    parser.add_argument("--receipt", help="the receipt, which should reach you by another way than the pack")
    parser.add_argument("--signer", help="SHA-256 of the seal's certificate, as the organisation gave it to you")
    parser.add_argument(
        "--consistent", metavar="DOCUMENT", help="instead of a pack: the document that says that the ledger grew"
    )
    parser.add_argument(
        "--older", metavar="FILE", help="with --consistent: an earlier pack or checkpoint that you kept"
    )
    parser.add_argument("--newer", metavar="FILE", help="with --consistent: a later pack or checkpoint that you hold")
    options = parser.parse_args(arguments)
    if bool(options.pack) == bool(options.consistent):
        parser.error("name a pack, or a document of consistency with --consistent")
    if bool(options.consistent) != bool(options.older) or (options.newer and not options.consistent):
        parser.error("--consistent goes with --older, and --newer with both")
    signer = re.sub(r"[\s:]", "", options.signer or "").lower()
    if options.receipt and not re.fullmatch(r"[0-9a-f]{64}", signer):
        parser.error("with --receipt give --signer: the 64 digits of the certificate's SHA-256")
    try:
        return 1 if _run(options, signer) else 0
    except BadInputError as error:
        print(f"{options.pack}: {error}." if options.pack else f"{error}.", file=sys.stderr)
        return 2
    except Exception as error:  # noqa: BLE001 - whatever a forged file makes a reader raise, the file is not valid
        print(f"FAILED the file cannot be read ({type(error).__name__}); it is not to be relied on")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
