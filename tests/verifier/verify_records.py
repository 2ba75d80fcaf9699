#!/usr/bin/env python3
"""An independent verifier of Postern's records, written from docs/audit-format.md alone.

    verify_records.py FOLDER [--key FILE]... [--checkpoint FILE]...

It needs Python's standard library, and `zstd` for packed files. It prints one line for each break and exits with 0 if
the records are whole, with 1 if they are not.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import subprocess
import sys

# Ed25519 (RFC 8032, section 6), verification only.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def add(one, two):
    a = (one[1] - one[0]) * (two[1] - two[0]) % P
    b = (one[1] + one[0]) * (two[1] + two[0]) % P
    c = 2 * one[3] * two[3] * D % P
    d = 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def unpack(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def same(one, two):
    return (one[0] * two[2] - two[0] * one[2]) % P == 0 and (one[1] * two[2] - two[1] * one[2]) % P == 0


BASE = unpack((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed_by(key, message, signature):
    if len(signature) != 64:
        return False
    a, r = unpack(key), unpack(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(h, a)))


class Broken(Exception):
    pass


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Broken("a key stands there twice")
    return dict(pairs)


def parse(line):
    try:
        value = json.loads(line.decode(), object_pairs_hook=once)
    except (ValueError, UnicodeDecodeError) as error:
        raise Broken(f"it is no record: {error}") from error
    if not isinstance(value, dict):
        raise Broken("it is no record")
    return value


def is_record(line, chain):
    try:
        record = parse(line)
    except Broken:
        return False
    return (record.get("seq"), record.get("prev")) == chain


class Keys:
    def __init__(self, lines):
        self.known = {}
        for line in lines:
            name, number, blob = line.strip().split("+", 2)
            blob = base64.b64decode(blob, validate=True)
            digest = hashlib.sha256(name.encode() + b"\n" + blob).digest()[:4]
            if blob[0] != 1 or digest.hex() != number:
                raise SystemExit(f"no key: {line}")
            self.known[(name, digest)] = blob[1:]

    def open(self, note):
        """The number of records and the hash that a signed note is about, and its time."""
        text, _, signatures = note.rpartition("\n\n")
        text += "\n"
        lines = text.split("\n")
        if len(lines) != 5 or lines[4] or not signatures.endswith("\n"):
            raise Broken("it is no checkpoint")
        good = False
        for line in signatures[:-1].split("\n"):
            dash, name, blob = (line.split(" ") + ["", "", ""])[:3]
            try:
                blob = base64.b64decode(blob, validate=True)
            except ValueError as error:
                raise Broken("it is no signed note") from error
            if dash != "\u2014":
                raise Broken("it is no signed note")
            key = self.known.get((name, blob[:4]))
            if key is None:
                continue
            if not signed_by(key, text.encode(), blob[4:]):
                raise Broken("the signature of a checkpoint is wrong")
            good = True
        if not good:
            raise Broken("no known key has signed the checkpoint")
        try:
            root = base64.b64decode(lines[2], validate=True)
            records = int(lines[1])
        except ValueError as error:
            raise Broken("it is no checkpoint") from error
        if str(records) != lines[1] or len(root) != 32 or base64.b64encode(root).decode() != lines[2]:
            raise Broken("it is no checkpoint")
        return records, root.hex(), lines[3]


class Verifier:
    def __init__(self, folder, keys, kept):
        self.folder = folder
        self.keys = keys
        self.kept = list(kept)
        beside = folder / "host" / "checkpoint"
        if beside.exists():
            self.kept += notes(beside.read_text())
        self.breaks = []
        self.sessions = {}
        self.packed = {}
        self.signed = 0

    def broken(self, file, line, why):
        self.breaks.append(f"broken: {file}{f', line {line}' if line else ''}: {why}")

    def lines(self, file):
        """The whole lines of a file, and what follows the last of them."""
        if file.suffix == ".zst":
            done = subprocess.run(["zstd", "-dcq", str(file)], capture_output=True, check=False)
            if done.returncode:
                raise Broken("it cannot be unpacked")
            data = done.stdout
        else:
            data = file.read_bytes()
        *whole, rest = data.split(b"\n")
        return whole, rest

    def along(self, file, chain, each):
        """Goes along the records of a file. `chain` is (records, hash) before it."""
        number = 0
        try:
            whole, rest = self.lines(file)
            for number, line in enumerate(whole, 1):
                record = parse(line)
                if record.get("seq") != chain[0]:
                    raise Broken(f"record {record.get('seq')} stands where {chain[0]} was to come")
                if record.get("prev") != chain[1]:
                    raise Broken("the record before it is not the one that it followed")
                if canonical(record) != line:
                    raise Broken("it is not in canonical form")
                chain = (chain[0] + 1, hashlib.sha256(line).hexdigest())
                each(record, chain, number)
            # Records are written together with their ends.
            for record in (rest, rest[:-1]):
                if record.endswith(b"}") and is_record(record, chain):
                    number += 1
                    raise Broken("the end of the line is missing")
        except Broken as why:
            self.broken(file, number, why)
            return None
        except (AttributeError, LookupError, TypeError, ValueError):
            self.broken(file, number, "it does not say what such a record says")
            return None
        return chain, rest

    def host(self):
        files = found(self.folder / "host", "*.jsonl*")
        awaited = {}
        for note in self.kept:
            try:
                records, root, _ = self.keys.open(note)
            except Broken as why:
                self.broken("a checkpoint that was kept", None, why)
                continue
            awaited.setdefault(records, []).append(root)
        own = {records + 1 for records in awaited}
        chain = (0, "0" * 64)
        for position, file in enumerate(files):
            if position == 0:
                try:
                    whole, _ = self.lines(file)
                    first = parse(whole[0]) if whole else {}
                except Broken as why:
                    return self.broken(file, 1, why)
                chain = (first.get("seq", 0), first.get("prev", "0" * 64))
                self.begins = chain[0]

            def each(record, now, number):
                if number == 1 and (record.get("event") != "file_began" or record.get("of") != "host"):
                    raise Broken("the first record does not say that this is the host's")
                if number == 1 and record.get("format") != 1:
                    raise Broken("it is of another format")
                self.hear(record, now)
                if now[0] in own and record.get("event") != "checkpoint":
                    raise Broken("the record of a checkpoint that was kept is not what it was")
                for root in awaited.pop(now[0], []):
                    if root != now[1]:
                        raise Broken("a checkpoint was signed for another state of the chain")

            outcome = self.along(file, chain, each)
            if outcome is None:
                return None
            chain, rest = outcome
            if rest and position + 1 < len(files):
                self.broken(file, None, "it ends in the middle of a record")
        for records in own:
            if records > chain[0]:
                self.broken("host", None, f"a checkpoint knows {records} records, and there are {chain[0]}")
        return None

    def hear(self, record, now):
        event = record.get("event")
        if event == "checkpoint":
            records, root, at = self.keys.open(record["note"])
            told = (record["seq"], record["prev"], record["at"])
            if (records, root, at) != told or set(record) != {"at", "event", "note", "prev", "seq"}:
                raise Broken("the checkpoint was signed for another state of the chain")
            self.signed = now[0]
        elif event == "packed":
            self.packed[record["file"]] = record["sha256"]
        elif event == "session_began":
            self.sessions[record["session"]] = {"file": record["file"], "stands": [], "sealed": None}
        elif event == "session_sealed":
            known = self.sessions.setdefault(record["session"], {"stands": []})
            known["file"] = record["file"]
            known["sealed"] = (record["records"], record["hash"])
        elif event == "session_removed":
            self.sessions.setdefault(record["session"], {"file": "", "stands": []})["removed"] = True
        elif event == "sessions_stand":
            for session in record["sessions"]:
                known = self.sessions.setdefault(session["session"], {"file": "", "stands": [], "sealed": None})
                known["stands"].append((session["records"], session["hash"]))

    def session(self, file):
        name = file.name.split(".")[0]
        known = self.sessions.pop(name, None)
        if known is None:
            if getattr(self, "begins", 0) == 0:
                return self.broken(file, None, "the host's records know of no such session")
            known = {"stands": [], "sealed": None}
        sealed = known.get("sealed")
        awaited = dict(known["stands"] + ([sealed] if sealed else []))
        state = {"sealed": False}

        def each(record, now, number):
            if state["sealed"]:
                raise Broken("something follows the seal")
            if number == 1:
                if record.get("event") != "file_began" or record.get("of") != {"session": name}:
                    raise Broken("the first record does not say that this is the session's")
            if record.get("event") == "sealed":
                if record.get("records") != now[0]:
                    raise Broken("the seal counts another number of records")
                state["sealed"] = True
            if awaited.pop(now[0], now[1]) != now[1]:
                raise Broken("the host's records know this record by another hash")

        outcome = self.along(file, (0, "0" * 64), each)
        if outcome is None:
            return None
        chain, rest = outcome
        if sealed and not state["sealed"]:
            self.broken(file, None, "it has no seal")
        if awaited:
            self.broken(file, None, f"the host knows {max(awaited)} records, and there are {chain[0]}")
        if rest and (state["sealed"] or file.suffix == ".zst"):
            self.broken(file, None, "it ends in the middle of a record")
        return None

    def run(self):
        self.begins = 0
        self.host()
        for file in found(self.folder / "sessions", "*/*/*/*.jsonl*"):
            self.session(file)
        for known in self.sessions.values():
            sealed = known.get("sealed")
            if not known.get("removed") and not (sealed and sealed[0] == 0):
                self.broken(self.folder / known["file"], None, "the file is missing")
        for name, sha256 in self.packed.items():
            file = self.folder / name
            if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
                self.broken(file, None, "the packed file is not the one that was packed")
        enforcer = self.folder / "enforcer.jsonl"
        if enforcer.exists():
            self.along(enforcer, (0, "0" * 64), lambda *_: None)


def found(folder, pattern):
    """Files of records, each once: where both forms are there, the packed one counts."""
    files = {}
    for file in folder.glob(pattern):
        if file.name.endswith(".jsonl.zst"):
            files[str(file)[: -len(".zst")]] = file
        elif file.name.endswith(".jsonl"):
            files.setdefault(str(file), file)
    return [files[name] for name in sorted(files)]


def notes(text):
    found, note = [], []
    for line in text.splitlines(keepends=True):
        if not line.startswith("\u2014 ") and any(kept.startswith("\u2014 ") for kept in note):
            found.append("".join(note))
            note = []
            if line == "\n":
                continue
        note.append(line)
    return found + (["".join(note)] if "".join(note).strip() else [])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("--key", type=pathlib.Path, action="append", default=[])
    options.add_argument("--checkpoint", type=pathlib.Path, action="append", default=[])
    asked = options.parse_args()
    files = asked.key or sorted((asked.folder / "keys").glob("*.pub"))
    keys = Keys(line for file in files for line in file.read_text().splitlines())
    kept = [note for file in asked.checkpoint for note in notes(file.read_text())]
    verifier = Verifier(asked.folder, keys, kept)
    verifier.run()
    print("\n".join(verifier.breaks) if verifier.breaks else "whole")
    return 1 if verifier.breaks else 0


if __name__ == "__main__":
    sys.exit(main())
