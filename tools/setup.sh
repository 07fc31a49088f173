#!/usr/bin/env bash
# Makes a machine ready. Costs nothing when all is there, and repairs what an interrupted run left.
#
#   tools/setup.sh packages    Debian packages to build with; root installs them, others are told the command
#   tools/setup.sh python      .venv with the packages of tools/requirements.txt; PYTHON=python3.12 chooses the Python;
#                              .venv5 with those of tools/requirements-transformers5.txt, the rest shared with .venv
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
readonly requirements5=tools/requirements-transformers5.txt
readonly stamp=crossload-requirements.sha256  # in an environment: of the files that it was made from
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

# Succeeds when every package that the second file pins has its version and all of its files in the environment.
# pip writes a package's RECORD last.
environment_is_complete() {
  [[ -x $1/bin/python ]] && "$1/bin/python" - "$2" <<'PYTHON'
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

is_stamped() {
  [[ -x $1/bin/python && -f $1/$stamp && $(<"$1/$stamp") == "$2" ]]
}

install_python() {
  echo 'Looking for PyTorch and TensorFlow in .venv: at once, or 2 to 10 minutes and 3 GB of disk to install them.'
  local wanted
  wanted=$(sha256sum <"$requirements")
  is_stamped .venv "$wanted" && return
  if ! environment_is_complete .venv "$requirements"; then
    [[ ! -L .venv ]] || fail ".venv is a link to $(readlink .venv), which lacks packages of $requirements; remove the link"
    "$base_python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
      fail "$base_python is $("$base_python" --version 2>&1), wanted 3.11 to 3.13; choose one with PYTHON=python3.12 make setup"
    echo 'Making .venv.'
    "$base_python" -m venv --clear .venv
    # A build of torch for CUDA needs packages that a build for CPUs does not: it brings its own, pinned where we pin.
    .venv/bin/python -m pip install -qq --retries 10 --constraint "$requirements" torch
    .venv/bin/python -m pip install -qq --retries 10 --no-deps --requirement "$requirements"
    environment_is_complete .venv "$requirements" || fail "pip left .venv incomplete; run make setup again"
  fi
  echo "$wanted" >".venv/$stamp"
}

# An environment whose own packages come first, and behind them those of .venv. pip must not see the latter.
install_transformers5() {
  echo 'Looking for Transformers 5 in .venv5: at once, or half a minute and 100 MB of disk to install it beside .venv.'
  local wanted
  wanted=$({ cat "$requirements5"; .venv/bin/python --version; } | sha256sum)
  is_stamped .venv5 "$wanted" && return
  [[ ! -L .venv5 ]] || fail ".venv5 is a link to $(readlink .venv5), which was made from another $requirements5; remove the link"
  .venv/bin/python -m venv --clear --without-pip .venv5
  .venv/bin/python -m pip --python .venv5/bin/python install -qq --retries 10 --no-deps --requirement "$requirements5"
  .venv5/bin/python - <<'PYTHON'
import os
import sysconfig

packages = sysconfig.get_path("purelib")
shared = packages.replace(f"{os.sep}.venv5{os.sep}", f"{os.sep}.venv{os.sep}")
with open(os.path.join(packages, "crossload-shared.pth"), "w") as file:
    file.write(os.path.relpath(shared, packages) + "\n")
PYTHON
  environment_is_complete .venv5 "$requirements5" || fail "pip left .venv5 incomplete; run make setup again"
  environment_is_complete .venv5 <(grep '^torch==' "$requirements") || fail ".venv5 does not see the torch of .venv"
  echo "$wanted" >".venv5/$stamp"
}

case ${1:-all} in
  packages) install_packages ;;
  python)
    install_python
    install_transformers5
    ;;
  all)
    install_packages
    install_python
    install_transformers5
    ;;
  *) fail "unknown part \"$1\"; there are packages and python" ;;
esac
