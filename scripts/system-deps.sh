#!/bin/sh
# What the tests want from the system, installed by apt when it is missing and we may.
#
# It never fails: a test without its program is skipped and says so (with STRICT=1 that
# is a failure of that test, with a better sentence than one from here).
set -u

missing=
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need git git
need emacs emacs-nox # Org itself, to judge what we write
need setfattr attr   # a rewritten log keeps its extended attributes
need setfacl acl     # ... and its access list
need zsh zsh         # completion, in the shell that completes
need fish fish
# strace makes each system call of a write fail; macOS has none that can.
[ "$(uname -s)" != Linux ] || need strace strace

[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true >/dev/null 2>&1; then as_root="sudo -n"; else as_root=no; fi
fi

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Some tests will be skipped. To run them all, install:$missing" >&2
elif [ "$as_root" = no ]; then
  echo "Some tests will be skipped. To run them all: sudo apt install$missing" >&2
else
  echo "Installing for the tests:$missing" >&2
  apt() { # the words of $as_root and $missing are meant to be split
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
  }
  # shellcheck disable=SC2086
  { apt update && apt install --yes --no-install-recommends $missing; } ||
    echo "apt could not. Some tests will be skipped. To run them all, install:$missing" >&2
fi
exit 0
