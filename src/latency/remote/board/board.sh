# Runs on the board, in the folder that it lies in: keeps files there and runs one measurement at a time.
# Called as `sh board.sh ACTION NONCE NAME [NUMBER]`; answers begin with a line that bears the nonce, so that
# whatever a login prints before them is not taken for an answer. A lost connection ends no measurement.
LC_ALL=C
export LC_ALL
umask 077
trap '' HUP PIPE
action=$1 nonce=$2 name=$3 number=$4
say() { printf '\nmdp-%s %s\n' "$nonce" "$*"; }
free_kib() { df -Pk . 2>/dev/null | awk 'NR == 2 { print $4 }'; }
cd -- "$(dirname -- "$0")" || exit 3
case $name in '' | *[!a-z0-9.-]* | .* | -*) say refused; exit 0 ;; esac
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo unknown)

# Whether the measurement that holds the lock still runs; a restart of the board ends all.
is_busy() {
  { read -r lock_boot lock_pid lock_job <../lock; } 2>/dev/null || return 1
  [ "$lock_boot" = "$boot" ] && [ "$lock_pid" != "$$" ] && kill -0 "$lock_pid" 2>/dev/null
}

# Takes the lock, a dead one too. Ends with 1 where it is another's, with 2 where it can't be written.
take_lock() {
  for try in first second; do
    # Of two that come at once, noclobber lets one have the file.
    if (set -C && printf '%s %s %s\n' "$boot" "$$" "$name" >../lock) 2>/dev/null; then return 0; fi
    if is_busy; then return 1; fi
    # One alone looks again and removes it, so that nobody removes what another has just taken.
    if mkdir "../lock.$boot" 2>/dev/null; then
      # Empty, it may be about to be written.
      [ -s ../lock ] || sleep 1
      # Where it is gone there is nothing to remove, and another may just be taking it.
      [ ! -e ../lock ] || is_busy || rm -f ../lock
      rmdir "../lock.$boot"
    elif [ -d "../lock.$boot" ]; then
      return 1
    fi
  done
  if is_busy; then return 1; fi
  return 2
}

# Its own lock only.
free_lock() {
  { read -r lock_boot lock_pid lock_job <../lock; } 2>/dev/null || return
  if [ "$lock_pid" = "$$" ]; then rm -f ../lock; fi
}

run_job() {
  set --
  while IFS= read -r word || [ -n "$word" ]; do set -- "$@" "$word"; done <"$name.args"
  "$@" >"$name.out" 2>"$name.err" </dev/null
  code=$?
  printf '%s\n' "$code" >"$name.rc.part" && [ -s "$name.rc.part" ] && mv -f -- "$name.rc.part" "$name.rc"
  kept=$?
  free_lock
  return "$kept"
}

case $action in
  put)
    problem=$(cat 2>&1 >"$name.part")
    # What could not be written is read all the same: who still sends would not hear the answer.
    cat >/dev/null 2>&1
    size=$(wc -c 2>/dev/null <"$name.part" | tr -d ' ')
    if [ "$size" = "$number" ] && mv -f -- "$name.part" "$name"; then
      say ok
    else
      rm -f -- "$name.part"
      say failed "$(free_kib)" "${size:-0}" "$problem"
    fi
    ;;
  get)
    if [ -f "$name" ]; then
      say data "$(wc -c <"$name" | tr -d ' ')"
      cat -- "$name"
    else
      say missing
    fi
    ;;
  has) if [ -f "$name" ]; then say ok; else say missing; fi ;;
  take)
    # Of files that begin with the name and a low line, the last becomes the name: some programs date their files.
    for found in "$name"_*; do
      if [ -f "$found" ]; then mv -f -- "$found" "$name"; fi
    done
    say ok
    ;;
  drop)
    # The name and all that begin with it and a dot.
    rm -f -- "$name" "$name".*
    say ok
    ;;
  exec)
    waited=0 locked=1
    while [ ! -f "$name.rc" ]; do
      take_lock
      locked=$?
      if [ "$locked" != 1 ]; then break; fi
      if [ "$waited" -ge "$number" ]; then
        say busy "$lock_job"
        exit 0
      fi
      sleep 1
      waited=$((waited + 1))
    done
    # Whoever held the lock before may have run the very job.
    if [ -f "$name.rc" ]; then
      if [ "$locked" = 0 ]; then free_lock; fi
      say ok "$(cat "$name.rc")"
    elif [ "$locked" = 0 ] && run_job; then
      say ok "$(cat "$name.rc")"
    else
      room=$(free_kib)
      problem=$(tail -c 300 "$name.err" 2>/dev/null | tr '\n' ' ')
      rm -f -- "$name".*
      say failed "$room" 0 "$problem"
    fi
    ;;
  *) say refused ;;
esac
