# The git hooks of orglab.  The shims in the hooks folder source this file; a hook manager runs it as
# `hook NAME ARGUMENTS...`.  Starting Python takes longer than committing, so this script does what it can by itself,
# and starts orglab for the rest, for five seconds at most.  A commit is stopped only if orglab refuses it.

case $0 in
*/hook) orglab_hook=$1 kept= shared=${0%/*}; shift ;;
*) kept=${0%/*}/$orglab_hook.orglab-kept shared=${script%/*} ;;
esac
dir=${GIT_DIR:-.git}
[ ! -f "$dir" ] || { IFS= read -r dir < "$dir"; dir=${dir#gitdir: }; }  # a worktree, a submodule
[ -d "$dir" ] || dir=$(git rev-parse --absolute-git-dir)
own=$dir/orglab
[ ! -L "$own" ] || own=/dev/null/orglab  # nothing is read or written through a link
said=$own/said names=$own/names failed=$own/failed letter= tab='	'

# Run the user's own hook with git's arguments and input; false if it fails.
run_kept() {
    [ -n "$kept" ] && [ -x "$kept" ] || return 0
    # pre-commit runs this hook as NAME.legacy; if its own old script is the kept hook, that would run it again.
    [ -z "$PRE_COMMIT_RUNNING_LEGACY" ] || ! grep -q pre-commit.com "$kept" || return 0
    "$kept" "$@" 3<&-
}

# Create an empty file in place of an earlier one; never through a link.
create() {
    [ ! -e "$1" ] && [ ! -L "$1" ] || rm -f "$1"
    set -C
    true 2>/dev/null > "$1"
    set +C
}

# Print why git goes on without orglab; the other hooks of this commit neither try again nor print it again.
give_up() {
    echo "orglab: $1" >&2
    create "$failed"
}

# Run the hook in Python, with descriptor 3 as its input; false if it refuses the commit.
run_orglab() {
    [ ! -e "$failed" ] || return 0
    [ -x "$python" ] || { give_up "$python is missing, so the hook did nothing; run \`orglab setup git\`."; return 0; }
    "$python" -I -S -c "$start" "$package" "$orglab_hook" "$dir" "$folder" "$letter" "$@" <&3 3<&- &
    child=$!
    # macOS has no timeout(1).
    ( trap 'kill "$sleep"; exit' TERM; sleep 5 & sleep=$!; wait "$sleep" && kill -9 "$child" ) <&- >/dev/null 2>&1 3<&- &
    guard=$!
    wait "$child" 2>/dev/null
    code=$?
    kill "$guard" 2>/dev/null
    case $code in
    0) ;;
    10) return 1 ;;
    137) give_up 'The hook took more than five seconds and was stopped; git goes on without it.' ;;
    *) give_up "The hook failed (exit code $code); git goes on without it. Check it with \`orglab setup git --status\`." ;;
    esac
}

# Stage again what the user had staged of a log that was left out of a commit.
restore_index() {
    [ ! -e "$own/left-out" ] || (orglab_hook=restore-index; run_orglab)
}

# Whether git is in the middle of a merge, cherry-pick, revert or rebase.
is_busy() {
    for state in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD rebase-merge rebase-apply sequencer; do
        [ ! -e "$dir/$state" ] || return 0
    done
    return 1
}

# Read the names of log and journal and the letter of references from the file that orglab wrote, if it is still valid.
read_names() {
    [ -z "$ORGLAB_LOG" ] && [ -f "$names" ] && [ ! -L "$names" ] && [ -r "$names" ] || return 1
    for file in orglab.toml pyproject.toml "$folder/orglab.toml" "$folder/pyproject.toml"; do
        [ ! "$file" -nt "$names" ] || return 1
    done
    { IFS= read -r settings; IFS= read -r log; IFS= read -r journal; IFS= read -r letter; } < "$names"
    [ -e "$settings" ] || [ -z "$settings" ] || { letter=; return 1; }
}

# Whether a step may be active: according to the git directory or, if that was not writable, the user's state folder
# (`active_step_file` in config.py).  True also if the shell cannot tell without starting another process.
may_be_active() {
    [ ! -s "$own/active" ] || return 0
    state=${XDG_STATE_HOME:-$HOME/.local/state}/orglab
    [ -d "$state" ] || return 1
    read_names && [ ! -L "$log" ] && cd -P . || return 0
    case $log in /*) rest=$log ;; *) rest=$PWD/$log ;; esac
    place=
    while [ "$rest" != "${rest#*/}" ]; do place=$place${rest%%/*}% rest=${rest#*/}; done
    [ ${#place} -lt 100 ] && [ ${#rest} -lt 100 ] || return 0  # orglab shortens longer names
    [ -s "$state/$place$rest/active" ]
}

# Whether a message may contain a text, or a reference in a trailer; true also if grep fails.
may_name() {
    grep -qF -e "$2" -e Refs: "$1" 2>/dev/null
    [ $? -ne 1 ]
}

# Whether a subject begins with a reference; one without a digit at its end may be an ordinary word.
begins_with_reference() {
    case $1 in "[$letter"*"]"*) ;; *) return 1 ;; esac
    ref=${1%%]*}
    case ${ref#?} in *[!A-Za-z0-9_.-]* | *[!0-9]) return 1 ;; esac
    case ${1#*]} in "["* | "]"* | "("*) return 1 ;; esac
}

# Whether a message contains other text, but no reference except the one that prepare-commit-msg added.
has_only_reference() {
    awk -v ref="[$1]" -v any="[$letter" -v trailer="Refs: $1" '
        /^.* -+ >8 -+/ { exit }
        $0 == trailer { next }
        /^Refs:/ { other = 1; exit }
        { while ((at = index($0, ref)) > 0) $0 = substr($0, 1, at - 1) substr($0, at + length(ref)) }
        index($0, any) { other = 1; exit }
        /^[^#;@!$%^&|: \t]/ || /^[ \t]+[^ \t]/ { says = 1 }
        END { exit other || !says }' "$2" 2>/dev/null
}

# Keep the log and other files in separate commits; false if the commit is refused.
separate_log() {
    is_busy && return
    [ ! -e "$dir/SQUASH_MSG" ] || return 0
    if read_names; then
        case $log in /*) return 0 ;; esac  # it is kept apart
        GIT_OPTIONAL_LOCKS=0 GIT_GLOB_PATHSPECS=0 GIT_NOGLOB_PATHSPECS=0 GIT_ICASE_PATHSPECS=0 git --literal-pathspecs \
            diff --cached --quiet --no-ext-diff --no-renames --diff-filter=AM -- "$log" "$journal" && return
    fi
    run_orglab
}

pre_commit() {
    [ ! -e "$failed" ] || rm -f "$failed"
    separate_log
}

prepare_commit_msg() {
    [ ! -e "$said" ] || rm -f "$said" "$own/initial"
    is_busy && return
    [ "$2" != merge ] || return 0
    [ -d "$own" ] || mkdir "$own" 2>/dev/null
    create "$said"  # a new commit is being made, not copied from another one
    may_be_active || return 0
    case $2 in squash | commit) return ;; esac
    IFS= read -r subject < "$1"
    case $subject in 'fixup! '* | 'squash! '* | 'amend! '* | 'Revert "'*) return ;; esac
    read_names && begins_with_reference "$subject" && return
    run_orglab "$@"
}

commit_msg() {
    is_busy && return
    if read_names; then
        if [ -s "$said" ] && [ ! -e "$own/initial" ]; then
            IFS=$tab read -r ref text < "$said"
            has_only_reference "$ref" "$1" && return
        fi
        may_name "$1" "[$letter" || return 0
    fi
    run_orglab "$@"
}

# Save the text of a log that is kept apart if it is newer than what was saved last.
keep_text() {
    [ -f "$shared/apart" ] || return 0
    ! read_names || [ ! -e "$shared/kept" ] || [ "$log" -nt "$shared/kept" ] || return 0
    (orglab_hook=keep-text; run_orglab)
}

post_commit() {
    [ ! -e "$failed" ] || { rm -f "$failed" "$said"; restore_index; }
    keep_text
    [ -f "$said" ] && [ ! -L "$said" ] || return 0
    is_busy && return
    message=$dir/COMMIT_EDITMSG
    if [ -s "$said" ]; then
        while IFS=$tab read -r ref text; do
            if [ "$ref" = auto_done ]; then
                ! grep -qiE '\][[:space:]:,-]*(done|results)' "$message" || run_orglab tick
            elif may_name "$message" "[$ref]"; then
                printf 'orglab: This commit belongs to %s  %s\n' "$ref" "$text" >&2
            fi
        done < "$said"
    elif ! read_names || may_name "$message" "[$letter"; then
        run_orglab
    fi
    rm -f "$said"
}

[ -z "$ORGLAB_COMMITTING" ] || { run_kept "$@"; exit; }
case $orglab_hook in
pre-commit)
    exec 3</dev/null
    # orglab's check first: it is fast, and the project's own checks may be slow.
    pre_commit || exit 1
    run_kept "$@" || { code=$?; restore_index; exit "$code"; }
    # The user's hook may have staged the log, with all that it has formatted.
    [ ! -x "$kept" ] || separate_log || exit 1
    exit 0 ;;
post-rewrite)
    pairs=$(cat)
    printf '%s\n' "$pairs" | run_kept "$@"
    kept_code=$?  # run_orglab sets `code`
    printf '%s\n' "$pairs" | { exec 3<&0; run_orglab "$@"; }
    exit "$kept_code" ;;
post-checkout | post-merge)
    run_kept "$@"
    kept_code=$?
    exec 3</dev/null
    # HEAD's reflog tells of all but a checkout of files.
    [ ! -f "$shared/apart" ] && [ "$orglab_hook $3" != "post-checkout 0" ] || run_orglab "$@"
    exit "$kept_code" ;;
prepare-commit-msg | commit-msg | post-commit)
    [ ! -e "$own/left-out" ] || (exec 3</dev/null; restore_index)
    run_kept "$@" || exit
    exec 3</dev/null
    case $orglab_hook in
    prepare-commit-msg) prepare_commit_msg "$@" ;;
    commit-msg) commit_msg "$@" ;;
    post-commit) post_commit ;;
    esac || exit 1
    exit 0 ;;
esac
