# Runs on the board: `sh power.sh METER NAME PROGRAM [ARGUMENT...]`. Keeps what the meter (tegrastats) prints in two seconds of
# rest in NAME.idle, and what it prints while the program runs in NAME.running. Ends as the program does.
meter=$1 name=$2
shift 2
watcher='' program=''
watch() {
  rm -f -- "$1"
  "$meter" --interval 100 --logfile "$1" >/dev/null 2>&1 </dev/null &
  watcher=$!
}
unwatch() {
  if [ -n "$watcher" ]; then
    kill "$watcher" 2>/dev/null
    wait "$watcher" 2>/dev/null
  fi
  watcher=''
}
# Whoever ends this script ends the meter and the program, too: it would write for ever.
ended() {
  if [ -n "$program" ]; then kill "$program" 2>/dev/null; fi
  unwatch
  exit 143
}
trap ended TERM INT
watch "$name.idle"
sleep 2
unwatch
watch "$name.running"
"$@" &
program=$!
wait "$program"
code=$?
program=''
unwatch
exit "$code"
