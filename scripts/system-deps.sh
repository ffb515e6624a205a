#!/bin/sh
# Install the programs that the tests need with apt, if they are missing and apt may be used:
# those of `make test`, or with the arguments `emacs`, `editors`, `slurm`, `web` or `tests` those of `make test-emacs`,
# `make test-lsp` and so on; `tests` are those of `make test`.
#
# This never fails: a test without its program is skipped and says so. With STRICT=1 the
# test fails instead, with a clearer message than this script could give.
set -u

missing=
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need_lisp() { # need_lisp PACKAGE
  ls -d "/usr/share/emacs/site-lisp/elpa/${1#elpa-}"-* >/dev/null 2>&1 || missing="$missing $1"
}

need git git
[ $# -gt 0 ] || set -- tests
for kind; do
  case $kind in
  emacs)
    need emacs emacs-nox
    need_lisp elpa-magit
    need_lisp elpa-package-lint
    ;;
  slurm)
    PATH=$PATH:/usr/sbin:/sbin # where daemons are, which an ordinary user does not look for
    need slurmctld slurm-wlm
    need slurmd slurm-wlm
    need munged munge
    ;;
  web)
    need chromium chromium
    need chromedriver chromium-driver
    ;;
  editors)
    need nvim neovim
    need emacs emacs-nox
    # In Emacs from version 29 on.
    [ -d /usr/share/emacs/site-lisp/elpa-src/eglot-1.9 ] || need eglot elpa-eglot
    ;;
  tests)
    need emacs emacs-nox # Org itself, to compare with
    need setfattr attr   # a rewritten log keeps its extended attributes
    need setfacl acl     # ... and its access control list
    need zsh zsh         # shell completion
    need fish fish
    need mandoc mandoc   # the manual
    # strace makes each system call of a write fail; macOS has nothing like it.
    [ "$(uname -s)" != Linux ] || need strace strace
    ;;
  esac
done

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
  apt() { # word splitting of $as_root and $missing is intended
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" </dev/null >/dev/null
  }
  # shellcheck disable=SC2086
  { apt update && apt install --yes --no-install-recommends $missing; } ||
    echo "apt failed. Some tests will be skipped. To run them all, install:$missing" >&2
fi
exit 0
