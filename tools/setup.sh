#!/usr/bin/env bash
# Makes a machine ready. Costs nothing when all is there, and repairs what an interrupted run left.
#
#   tools/setup.sh packages    Debian packages to build with; root installs them, others are told the command
#   tools/setup.sh python      .venv with the packages of tools/requirements.txt; PYTHON=python3.12 chooses the Python
#   tools/setup.sh             both
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# In step with cmake/Dependencies.cmake and cmake/crossload-config.cmake.in.
readonly packages=(
  g++ cmake ninja-build ccache pkg-config
  libfmt-dev zlib1g-dev libcurl4-openssl-dev libjansson-dev libhdf5-dev libleveldb-dev libsnappy-dev libprotozero-dev libssl-dev libcli11-dev
  libgtest-dev libgmock-dev
)
readonly requirements=tools/requirements.txt
readonly stamp=.venv/crossload-requirements.sha256
readonly base_python=${PYTHON:-python3}

fail() {
  echo "make setup: $*" >&2
  exit 1
}

install_packages() {
  echo 'Looking for Debian packages to build with: at once, or about a minute to install what is missing.'
  if ! command -v dpkg-query >/dev/null; then
    echo "make setup: no Debian here; install the equivalents of: ${packages[*]}" >&2
    return
  fi
  local missing=() package
  for package in "${packages[@]}"; do
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  # Debian ships Python without the parts that make environments.
  if ! "$base_python" -c 'import ensurepip, venv' 2>/dev/null; then
    command -v "$base_python" >/dev/null || missing+=(python3)
    missing+=(python3-venv)
  fi
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $(id -u) -ne 0 ]]; then
    fail "Debian packages are missing; install them with: sudo apt-get install ${missing[*]}"
  fi
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  dpkg --configure -a  # ends what an interrupted run began
  apt-get -q -o Acquire::Retries=3 update
  apt-get -q -o Acquire::Retries=3 install -y --no-install-recommends "${missing[@]}"
}

# Succeeds when every pinned package has its version and all of its files. pip writes a package's RECORD last.
environment_is_complete() {
  [[ -x .venv/bin/python ]] && .venv/bin/python - "$requirements" <<'PYTHON'
import importlib.metadata
import sys

for line in open(sys.argv[1]):
    name, equals, version = line.strip().partition("==")
    if line.startswith("#") or not equals:
        continue
    try:
        package = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        sys.exit(1)
    files = package.files
    if package.version.partition("+")[0] != version or files is None:
        sys.exit(1)
    if not all(file.suffix == ".pyc" or file.locate().exists() for file in files):
        sys.exit(1)
PYTHON
}

install_python() {
  echo 'Looking for PyTorch and TensorFlow in .venv: at once, or 2 to 10 minutes and 3 GB of disk to install them.'
  local wanted
  wanted=$(sha256sum <"$requirements")
  [[ -x .venv/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  if ! environment_is_complete; then
    [[ ! -L .venv ]] || fail ".venv is a link to $(readlink .venv), which lacks packages of $requirements; remove the link"
    "$base_python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
      fail "$base_python is $("$base_python" --version 2>&1), wanted 3.11 to 3.13; choose one with PYTHON=python3.12 make setup"
    echo 'Making .venv.'
    "$base_python" -m venv --clear .venv
    # A build of torch for CUDA needs packages that a build for CPUs does not: it brings its own, pinned where we pin.
    .venv/bin/python -m pip install -qq --retries 10 --constraint "$requirements" torch
    .venv/bin/python -m pip install -qq --retries 10 --no-deps --requirement "$requirements"
    environment_is_complete || fail "pip left .venv incomplete; run make setup again"
  fi
  echo "$wanted" >"$stamp"
}

case ${1:-all} in
  packages) install_packages ;;
  python) install_python ;;
  all)
    install_packages
    install_python
    ;;
  *) fail "unknown part \"$1\"; there are packages and python" ;;
esac
