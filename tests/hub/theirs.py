"""huggingface_hub of the version that this Python has, in a process of its own: told by the environment, nothing patched.

    HF_ENDPOINT=... HF_HOME=... python theirs.py <<< '["download", {"repo": "ada/tiny"}]'

The last line of the output is JSON: {"value": ...}, or {"error": "Type: message", "status": of the answer}.
"""
import base64
import json
import sys
import warnings

warnings.filterwarnings("ignore")

import huggingface_hub  # noqa: E402

NEEDED = ["config.json", "*.safetensors", "*.index.json", "vocab.txt"]


def version():
    return huggingface_hub.__version__


def download(repo, revision=None, patterns=NEEDED):
    return huggingface_hub.snapshot_download(repo, revision=revision, allow_patterns=patterns)


def file(repo, path, revision=None):
    return huggingface_hub.hf_hub_download(repo, path, revision=revision)


def cached(repo, path, revision=None):
    """The path, "no such file", or None for what is not known."""
    found = huggingface_hub.try_to_load_from_cache(repo, path, revision=revision)
    return found if found is None or isinstance(found, str) else "no such file"


def scan():
    found = huggingface_hub.scan_cache_dir()
    return {"warnings": [str(each) for each in found.warnings], "files": {each.repo_id: each.nb_files for each in found.repos}}


def delete(repo):
    """As `hf cache rm` does; the bytes that it frees."""
    found = huggingface_hub.scan_cache_dir()
    hashes = [revision.commit_hash for each in found.repos if each.repo_id == repo for revision in each.revisions]
    strategy = found.delete_revisions(*hashes)
    strategy.execute()
    return strategy.expected_freed_size


def files(repo, revision="main"):
    info = huggingface_hub.HfApi().model_info(repo, revision=revision, files_metadata=True)
    return {each.rfilename: {"size": each.size, "sha256": each.lfs.sha256 if each.lfs else None} for each in info.siblings}


def pull_requests(repo):
    api = huggingface_hub.HfApi()
    details = [api.get_discussion_details(repo, each.num) for each in api.get_repo_discussions(repo)]
    return [{"title": each.title, "author": each.author, "status": each.status, "text": each.events[0].content}
            for each in details]


def commit(repo, files, message, description=None, create_pr=False, parent=None):
    """`files`: in base64, by path. The address of the pull request, or of the commit."""
    operations = [huggingface_hub.CommitOperationAdd(path, base64.b64decode(data)) for path, data in files.items()]
    info = huggingface_hub.HfApi().create_commit(repo, operations, commit_message=message, commit_description=description,
                                                 create_pr=create_pr, parent_commit=parent)
    return info.pr_url or info.commit_url


def tags(card):
    return huggingface_hub.ModelCard.load(card).data.tags


def login(token):
    huggingface_hub.login(token, add_to_git_credential=False)


def logout():
    huggingface_hub.logout()


def token():
    return huggingface_hub.get_token()


def whoami():
    return huggingface_hub.HfApi().whoami()["name"]


if __name__ == "__main__":
    name, arguments = json.load(sys.stdin)
    try:
        answer = {"value": globals()[name](**arguments)}
    except Exception as error:  # whatever it raises is its outcome
        response = getattr(error, "response", None)
        answer = {"error": f"{type(error).__name__}: {error}", "status": getattr(response, "status_code", None)}
    print(json.dumps(answer))
