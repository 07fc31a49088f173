"""A Hub on this machine: the interface that huggingface_hub 0.36 and 2 use for models, and a storage host beside it.

    hub = HubServer()
    hub.add_user("hf_secret", "ada", role="write")
    hub.add_repo("ada/tiny", {"config.json": b"{}", "model.safetensors": b"..."})
    ... HF_ENDPOINT=hub.endpoint ...
    hub.faults.append(Fault("GET", r"/lfs/", cut_after=1000))
    hub.use_xet()
    hub.close()

Large files (*.safetensors, *.h5, *.bin and all over 10 MB) are kept by SHA-256 and answered by a redirect to the storage
host, which is another origin, with an address that is signed and expires. After use_xet() they are in a store of Xet too,
where hf_xet finds and puts them without the storage host; what was put there is known by its SHA-256 when it is one of
`expected`. Faults are taken in order, each `times` times.
"""
import base64
import hashlib
import json
import re
import ssl
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import xet_store

LARGE = re.compile(r"\.(safetensors|h5|bin)$")
PART = 40_000  # bytes of a part of a multipart upload
MULTIPART_FROM = 100_000


@dataclass
class Fault:
    """What happens to the next requests whose method and path (with query) fit."""

    method: str
    path: str
    times: int = 1
    status: int = 0  # answer with this instead
    headers: dict = field(default_factory=dict)
    body: bytes = b"{}"
    cut_after: int = -1  # close the connection after so many bytes of the body
    cut_unanswered: bool = False  # do the work, then close the connection without an answer
    announce: int = 0  # add to Content-Length
    send: int = 0  # add to the bytes that are sent (negative: fewer, and Content-Length says so)
    flip: bool = False  # change a byte in the middle
    stall: float = 0  # wait so many seconds in the middle of the body
    trickle: float = 0  # wait so many seconds after each tenth of the body
    ignore_range: bool = False
    before: object = None  # called first


@dataclass
class Seen:
    """One request, as the tests look at it."""

    host: str  # "hub" or "storage"
    method: str
    path: str
    token: bool
    range: str
    sent: int = 0


class Blob:
    def __init__(self, data, large):
        self.data, self.large = data, large
        self.sha256 = hashlib.sha256(data).hexdigest()
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (self.sha256.encode(), len(data))
        text = pointer if large else data
        self.blob_id = hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest()
        self.etag = self.sha256 if large else self.blob_id


class Repo:
    def __init__(self, name, private, gated):
        self.name, self.private, self.gated = name, private, gated
        self.commits, self.refs, self.discussions = {}, {}, []

    def commit(self, ref, files, parent=None):
        tree = sorted((path, blob.blob_id) for path, blob in files.items())
        sha = hashlib.sha1(json.dumps([tree, parent, ref, len(self.commits)]).encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def resolve(self, revision):
        sha = self.refs.get(revision, revision)
        return sha if sha in self.commits else None


def is_large(path, data):
    return bool(LARGE.search(path)) or len(data) > 10_000_000


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """A client that went away is no matter here."""


class HubServer:
    def __init__(self, tls=None):
        """`tls`: (certificate file, key file)"""
        self.repos, self.users, self.storage, self.uploads, self.moved = {}, {}, {}, {}, {}
        self.faults, self.seen, self.lock = [], [], threading.RLock()
        self.signature = 0
        self.expired_before = 0  # signatures below are refused
        self.renewals = {}  # the token that a refresh token brings, once
        self.xet, self.xet_hashes, self.expected = None, {}, []
        self.servers = [self._serve(name, tls) for name in ("hub", "storage")]
        scheme = "https" if tls else "http"
        hub, storage = (server.server_port for server in self.servers)
        self.endpoint, self.storage_endpoint = f"{scheme}://localhost:{hub}", f"{scheme}://127.0.0.1:{storage}"

    def _serve(self, name, tls):
        handler = type(name, (Handler,), {"hub": self, "host": name})
        server = Server(("localhost", 0), handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()

    def add_user(self, token, name, role="write", expired=False):
        self.users[token] = {"name": name, "role": role, "expired": expired}

    def add_repo(self, name, files, private=False, gated=False):
        self.repos[name] = Repo(name, private, gated)
        self.change(name, files)
        return self.repos[name]

    def change(self, name, files, ref="main", remove=()):
        """A commit with these files on top of what is there; returns its name."""
        repo = self.repos[name]
        parent = repo.resolve(ref) or repo.resolve("main")
        tree = dict(repo.commits.get(parent, {}))
        for path in remove:
            tree.pop(path)
        for path, data in files.items():
            tree[path] = Blob(data, is_large(path, data))
            if tree[path].large:
                self.storage[tree[path].sha256] = data
                self.into_xet(data)
        return repo.commit(ref, tree, parent)

    def use_xet(self):
        """From now on; to be called before there are repositories."""
        self.xet = xet_store.XetStore()

    def into_xet(self, data):
        if self.xet:
            self.xet_hashes[hashlib.sha256(data).hexdigest()] = self.xet.put(data)

    def from_xet(self, oid):
        """Brings what a client put into the store of Xet alone to the storage too; false when it is not there."""
        for data in self.expected if self.xet else ():
            digest = self.xet.digest(data)
            if hashlib.sha256(data).hexdigest() == oid and self.xet.get(digest, len(data)) == data:
                self.storage[oid], self.xet_hashes[oid] = data, digest
                return True
        return False

    def sign(self, path):
        with self.lock:
            self.signature += 1
            return f"{self.storage_endpoint}{path}?X-Signature={self.signature}"

    def take_fault(self, method, path):
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def count(self, host, method, path=""):
        return sum(1 for seen in self.seen if (seen.host, seen.method) == (host, method) and re.search(path, seen.path))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub = None
    host = ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer()

    do_HEAD = do_POST = do_PUT = do_GET

    # The frame: note the request, apply a fault, dispatch.
    def answer(self):
        self.seen = Seen(self.host, self.command, self.path, "Authorization" in self.headers, self.headers.get("Range", ""))
        with self.hub.lock:
            self.hub.seen.append(self.seen)
        self.body = self.read_body()
        self.fault = self.hub.take_fault(self.command, self.path)
        if self.fault and self.fault.before:
            self.fault.before()
        if self.fault and self.fault.status:
            return self.reply(self.fault.status, self.fault.body, dict(self.fault.headers))
        url = urllib.parse.urlsplit(self.path)
        self.query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        path = urllib.parse.unquote(url.path)
        for method, pattern, handle in ROUTES[self.host]:
            match = re.fullmatch(pattern, path if "%2F" not in url.path else url.path)
            if method == self.command.replace("HEAD", "GET") and match:
                return handle(self, *(urllib.parse.unquote(part) for part in match.groups()))
        return self.error(404, "", "no such page")

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def reply(self, status, data=b"", headers=None):
        fault = self.fault or Fault("", "")
        if fault.cut_unanswered:
            self.close_connection = True
            return
        if fault.flip and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        if fault.send:
            data = data[: fault.send] if fault.send < 0 else data + bytes(fault.send)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(data) + fault.announce))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.send_slowly(data, fault)
        if fault.announce or fault.cut_after >= 0:
            self.close_connection = True

    def send_slowly(self, data, fault):
        if fault.cut_after >= 0:
            data = data[: fault.cut_after]
        step = max(len(data) // 10, 1) if fault.stall or fault.trickle else max(len(data), 1)
        try:
            for i, start in enumerate(range(0, len(data), step)):
                time.sleep(fault.trickle + (fault.stall if i == 5 else 0))
                self.wfile.write(data[start : start + step])
                self.seen.sent += len(data[start : start + step])
        except OSError:
            self.close_connection = True  # the client went away

    def json(self, value, headers=None, status=200):
        self.reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def error(self, status, code, message, headers=None):
        names = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}
        self.json({"error": message}, names, status)

    # Who asks, and what they may see.
    def user(self):
        """The user; None for nobody; False when the token is no good (the answer is sent then)."""
        header = self.headers.get("Authorization", "")
        if not header:
            return None
        user = self.hub.users.get(header.removeprefix("Bearer "))
        if user is None or user["expired"]:
            self.error(401, "", "Invalid credentials in Authorization header")
            return False
        return user

    def repo(self, name, revision="main", write=False):
        """The repository and the commit, or None when the answer is sent."""
        user = self.user()
        if user is False:
            return None
        if name in self.hub.moved:
            new = self.hub.moved[name]
            self.reply(307, b"", {"Location": self.path.replace(name, new, 1)})
            return None
        repo = self.hub.repos.get(name)
        if repo is None or (repo.private and user is None):
            self.error(401 if user is None else 404, "RepoNotFound", "Repository not found")
        elif repo.gated and (user is None or user["name"] not in repo.gated):
            self.error(401 if user is None else 403, "GatedRepo", f"Access to model {name} is restricted.")
        elif write and (user is None or user["role"] != "write"):
            self.error(403, "", "Forbidden: you need a token with write access")
        elif (sha := repo.resolve(revision)) is None:
            self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            return repo, sha
        return None

    # Reading.
    def whoami(self):
        user = self.user()
        if user is None:
            return self.error(401, "", "Invalid username or password.")
        if user:
            token = {"displayName": "test", "role": user["role"]}
            orgs = [{"name": "society", "type": "org"}]
            self.json({"type": "user", "id": "1", "name": user["name"], "orgs": orgs,
                       "auth": {"type": "access_token", "accessToken": token}})

    def model_info(self, name, revision="main"):
        if not (found := self.repo(name, revision)):
            return
        repo, sha = found
        siblings = []
        for path, blob in sorted(repo.commits[sha].items()):
            entry = {"rfilename": path}
            if "blobs" in self.query:
                entry |= {"size": len(blob.data), "blobId": blob.blob_id}
                if blob.large:
                    entry["lfs"] = {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": 134}
            siblings.append(entry)
        self.json({"_id": "1", "id": name, "modelId": name, "sha": sha, "private": repo.private, "gated": bool(repo.gated),
                   "disabled": False, "tags": [], "siblings": siblings})

    def tree(self, name, revision, folder=""):
        if not (found := self.repo(name, revision)):
            return
        files = found[0].commits[found[1]]
        if folder and not any(path.startswith(folder + "/") for path in files):
            return self.error(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": found[1]})
        entries = []
        for path, blob in sorted(files.items()):
            entry = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.blob_id}
            if blob.large:
                entry["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 134}
            if blob.sha256 in self.hub.xet_hashes:
                entry["xetHash"] = self.hub.xet_hashes[blob.sha256]
            if path.startswith(folder):
                entries.append(entry)
        self.json(entries)

    def resolve(self, name, revision, path):
        if not (found := self.repo(name, revision)):
            return
        repo, sha = found
        blob = repo.commits[sha].get(path)
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if blob is None:
            return self.error(404, "EntryNotFound", "Entry not found", headers)
        if blob.large:
            headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.data)),
                        "X-Xet-Hash": self.hub.xet_hashes.get(blob.sha256, "0" * 64), "Location": self.hub.sign(f"/lfs/{blob.sha256}")}
            if blob.sha256 in self.hub.xet_hashes:
                headers["X-Xet-Refresh-Route"] = f"{self.hub.endpoint}/api/models/{name}/xet-read-token/{sha}"
            return self.reply(302, b"", headers)
        headers["ETag"] = f'"{blob.etag}"'
        self.reply_range(blob.data, headers)

    def reply_range(self, data, headers):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.command == "HEAD":
            return self.reply(200, b"", headers | {"Content-Length": str(len(data))})
        if not match or (self.fault and self.fault.ignore_range):
            return self.reply(200, data, headers)
        start = int(match[1])
        if start >= len(data):
            return self.reply(416, b"", headers | {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.reply(206, data[start:], headers)

    def oauth(self):
        """A token got by a browser is renewed."""
        asked = urllib.parse.parse_qs(self.body.decode())
        token = self.hub.renewals.pop(asked["refresh_token"][0], None)
        if token is None:
            return self.json({"error": "invalid_grant"}, status=400)
        self.json({"access_token": token, "refresh_token": "the-next", "expires_in": 30 * 24 * 3600})

    def xet_token(self, name, kind, revision):
        found = self.repo(name, "main" if kind == "write" else revision)
        if not found:
            return
        user = self.user()
        if kind == "write" and (user is None or user["role"] != "write"):
            return self.error(403, "", "Forbidden: you need a token with write access")
        if not self.hub.xet:
            return self.error(404, "", "no Xet here")
        expires = int(time.time()) + 3600
        self.json({"casUrl": self.hub.xet.address, "accessToken": xet_store.TOKEN, "exp": expires},
                  {"X-Xet-Cas-Url": self.hub.xet.address, "X-Xet-Access-Token": xet_store.TOKEN,
                   "X-Xet-Token-Expiration": str(expires)})

    # The storage host: knows signatures, and must never see a token.
    def signed(self):
        if int(self.query.get("X-Signature", 0)) <= self.hub.expired_before:
            self.reply(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
            return False
        return True

    def storage_get(self, oid):
        if self.signed():
            self.reply_range(self.hub.storage[oid], {"ETag": f'"{oid}"'})

    def storage_put(self, oid, part=None):
        if not self.signed():
            return
        if part is None:
            if hashlib.sha256(self.body).hexdigest() != oid:
                return self.reply(400, b"<Error><Code>BadDigest</Code></Error>")
            self.hub.storage[oid] = self.body
            return self.reply(200)
        self.hub.uploads.setdefault(oid, {})[int(part)] = self.body
        self.reply(200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})

    def storage_complete(self, oid):
        if not self.signed():
            return
        parts = self.hub.uploads.get(oid, {})
        asked = json.loads(self.body)["parts"]
        data = b"".join(parts[number] for number in sorted(parts))
        etags = [f'"{hashlib.md5(parts[part["partNumber"]]).hexdigest()}"' for part in asked]
        if hashlib.sha256(data).hexdigest() != oid or etags != [part["etag"] for part in asked]:
            return self.reply(400, b'{"error": "parts do not make up the object"}')
        self.hub.storage[oid] = data
        self.json({})

    # Writing.
    def preupload(self, name, revision):
        if not (found := self.repo(name, revision, write="create_pr" not in self.query)):
            return
        files = found[0].commits[found[1]]
        answer = []
        for file in json.loads(self.body)["files"]:
            large = bool(LARGE.search(file["path"])) or file["size"] > 10_000_000
            blob = files.get(file["path"])
            answer.append({"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False,
                           "oid": blob.etag if blob else None})
        self.json({"files": answer, "commitOid": found[1]})

    def lfs_batch(self, name):
        if not self.repo(name):
            return
        question = json.loads(self.body)
        if self.hub.xet and "xet" in question["transfers"]:
            return self.json({"transfer": "xet", "objects": question["objects"]}, {"Content-Type": "application/vnd.git-lfs+json"})
        objects = []
        for entry in question["objects"]:
            oid, size = entry["oid"], entry["size"]
            answer = {"oid": oid, "size": size}
            if oid not in self.hub.storage:
                if "multipart" in question["transfers"] and size > MULTIPART_FROM:
                    count = (size + PART - 1) // PART
                    header = {str(i): self.hub.sign(f"/lfs/{oid}/{i}") for i in range(1, count + 1)}
                    upload = {"href": self.hub.sign(f"/complete/{oid}"), "header": header | {"chunk_size": str(PART)}}
                else:
                    upload = {"href": self.hub.sign(f"/lfs/{oid}"), "header": {}}
                verify = {"href": f"{self.hub.endpoint}/{name}.git/info/lfs/verify", "header": {}}
                answer |= {"authenticated": True, "actions": {"upload": upload, "verify": verify}}
            objects.append(answer)
        self.json({"transfer": "basic", "objects": objects}, {"Content-Type": "application/vnd.git-lfs+json"})

    def lfs_verify(self, _name):
        question = json.loads(self.body)
        data = self.hub.storage.get(question["oid"])
        if data is None or len(data) != question["size"]:
            return self.error(404, "", "object not found")
        self.json({})

    def commit(self, name, revision):
        as_pr = "create_pr" in self.query
        if not (found := self.repo(name, revision, write=not as_pr)):
            return
        repo, head = found
        user = self.user()
        if user is None:
            return self.error(401, "", "Invalid username or password.")
        if user["role"] != "write":
            return self.error(403, "", "Forbidden: you need a token with write access")
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        parent = header.get("parentCommit", head)
        if not as_pr and parent != head:
            return self.error(412, "", "A commit has happened since. Please refresh and try again.")
        files = dict(repo.commits[parent])
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), large=False)
            elif line["key"] == "lfsFile":
                if value["oid"] not in self.hub.storage and not self.hub.from_xet(value["oid"]):
                    return self.error(400, "", f"LFS object {value['oid']} was not uploaded")
                files[value["path"]] = Blob(self.hub.storage[value["oid"]], large=True)
                if value["oid"] not in self.hub.xet_hashes:
                    self.hub.into_xet(self.hub.storage[value["oid"]])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        if not as_pr:
            sha = repo.commit(revision, files, parent)
            return self.json({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}",
                              "hookOutput": ""})
        with self.hub.lock:
            number = len(repo.discussions) + 1
            sha = repo.commit(f"refs/pr/{number}", files, parent)
            repo.discussions.append({"num": number, "title": header["summary"], "description": header["description"],
                                     "author": user["name"], "sha": sha, "status": "open"})
        self.json({"success": True, "commitOid": sha, "commitUrl": f"{self.hub.endpoint}/{name}/commit/{sha}",
                   "pullRequestUrl": f"{self.hub.endpoint}/{name}/discussions/{number}", "hookOutput": ""})

    def discussion_entry(self, repo, entry):
        return {"num": entry["num"], "title": entry["title"], "status": entry["status"], "isPullRequest": True,
                "author": {"name": entry["author"]}, "createdAt": "2026-01-01T00:00:00.000Z",
                "repo": {"name": repo.name, "type": "model"}}

    def discussions(self, name):
        if not (found := self.repo(name)):
            return
        entries = [self.discussion_entry(found[0], entry) for entry in found[0].discussions
                   if self.query.get("author") in (None, entry["author"])
                   and self.query.get("status") in (None, "all", entry["status"])]
        self.json({"discussions": entries, "count": len(entries), "start": 0})

    def discussion(self, name, number):
        if not (found := self.repo(name)):
            return
        entry = found[0].discussions[int(number) - 1]
        common = {"author": {"name": entry["author"]}, "createdAt": "2026-01-01T00:00:00.000Z"}
        comment = {"edited": False, "hidden": False, "latest": {"raw": entry["description"]}}
        events = [{"id": "1", "type": "comment", "data": comment, **common},
                  {"id": "2", "type": "commit", "data": {"subject": entry["title"], "oid": entry["sha"]}, **common}]
        self.json(self.discussion_entry(found[0], entry) | {
            "events": events, "changes": {"base": "refs/heads/main"}, "filesWithConflicts": [], "diff": ""})

    def validate_yaml(self):
        self.json({"errors": [], "warnings": []})


ID = r"([\w.-]+/[\w.-]+)"
ROUTES = {
    "hub": [
        ("GET", "/api/whoami-v2", Handler.whoami),
        ("POST", "/oauth/token", Handler.oauth),
        ("GET", f"/api/models/{ID}", Handler.model_info),
        ("GET", f"/api/models/{ID}/revision/(.+)", Handler.model_info),
        ("GET", f"/api/models/{ID}/tree/([^/]+)", Handler.tree),
        ("GET", f"/api/models/{ID}/tree/([^/]+)/(.+)", Handler.tree),
        ("GET", f"/{ID}/resolve/([^/]+)/(.+)", Handler.resolve),
        ("GET", f"/api/models/{ID}/xet-(read|write)-token/(.+)", Handler.xet_token),
        ("POST", f"/api/models/{ID}/preupload/(.+)", Handler.preupload),
        ("POST", f"/{ID}.git/info/lfs/objects/batch", Handler.lfs_batch),
        ("POST", f"/{ID}.git/info/lfs/verify", Handler.lfs_verify),
        ("POST", f"/api/models/{ID}/commit/(.+)", Handler.commit),
        ("GET", f"/api/models/{ID}/discussions", Handler.discussions),
        ("GET", f"/api/models/{ID}/discussions/(\\d+)", Handler.discussion),
        ("POST", "/api/validate-yaml", Handler.validate_yaml),
    ],
    "storage": [
        ("GET", "/lfs/([0-9a-f]{64})", Handler.storage_get),
        ("PUT", "/lfs/([0-9a-f]{64})", Handler.storage_put),
        ("PUT", "/lfs/([0-9a-f]{64})/(\\d+)", Handler.storage_put),
        ("POST", "/complete/([0-9a-f]{64})", Handler.storage_complete),
    ],
}
