# Shared by the scripts in this folder; for bash.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
DISTRO=${DISTRO:-jazzy}
case $DISTRO in
  jazzy) SUFFIX= ;;
  kilted) SUFFIX=-kilted ;;
  *)
    echo "DISTRO=$DISTRO is not known: jazzy or kilted" >&2
    exit 2
    ;;
esac
VENV=$ROOT/.venv$SUFFIX
INSTALL=$ROOT/install$SUFFIX
BUILD=$ROOT/build$SUFFIX
LOGS=$ROOT/log$SUFFIX
STAMP=$VENV/anyview_ros-packages
export DISTRO

say() { echo "[$DISTRO] $*"; }

die() {
  echo "[$DISTRO] $*" >&2
  exit 1
}

# run_logged FILE WHAT COMMAND…: the whole output goes to the file; if the command fails, its end is shown.
run_logged() {
  local file=$1 what=$2
  shift 2
  mkdir -p "$(dirname "$file")"
  if ! "$@" >"$file" 2>&1; then
    echo "---- the end of $file" >&2
    tail -n 40 "$file" >&2
    echo "----" >&2
    die "$what failed; the whole log is in ${file#"$ROOT"/}"
  fi
}

# One at a time per distro: set-up and build write into the same folders.
lock_workspace() {
  mkdir -p "$LOGS"
  exec 9>"$LOGS/lock"
  if ! flock -n 9; then
    say "waiting for another set-up or build"
    flock 9
  fi
}
