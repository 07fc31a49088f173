"""A store of Xet on this machine: what hf_xet, told an address "local://FOLDER", keeps there as it would on the Hub's.

    store = XetStore()
    digest = store.put(b"...")      what X-Xet-Hash says of the file
    store.get(digest, size)         None when the store lacks it

hf_xet locks the store for the life of a process, so each call here is a process of its own.
"""
import pathlib
import subprocess
import sys
import tempfile
import time

TOKEN = "an-access-token-of-xet"


class XetStore:
    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="crossload-xet-")
        self.path = pathlib.Path(self.holder.name)
        self.address = f"local://{self.path}/store"
        (self.path / "store").mkdir()

    def put(self, data):
        return self.call("put", data)

    def digest(self, data):
        return self.call("digest", data)

    def get(self, digest, size):
        (self.path / "out").unlink(missing_ok=True)
        try:
            self.call("get", b"", digest, str(size))
        except subprocess.CalledProcessError:
            return None
        return (self.path / "out").read_bytes()

    def call(self, what, data, *arguments):
        (self.path / "in").write_bytes(data)
        command = [sys.executable, __file__, what, str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main(what, folder, *arguments):
    import hf_xet

    told = {"endpoint": f"local://{folder}/store", "token": TOKEN, "token_expiry_unix_secs": int(time.time()) + 3600}
    if what == "get":
        with hf_xet.XetSession().new_file_download_group(**told) as group:
            group.start_download_file(hf_xet.XetFileInfo(arguments[0], int(arguments[1])), f"{folder}/out")
    elif what == "digest":
        print(hf_xet.hash_files([f"{folder}/in"])[0].hash)
    else:
        with hf_xet.XetSession().new_upload_commit(**told) as commit:
            upload = commit.start_upload_file(f"{folder}/in", sha256=hf_xet.COMPUTE_SHA256)
        print(upload.result().xet_info.hash)


if __name__ == "__main__":
    main(*sys.argv[1:])
