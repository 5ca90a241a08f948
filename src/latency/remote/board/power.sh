# Runs on the board: `sh power.sh METER NAME PROGRAM [ARGUMENT...]`. Keeps what the meter (tegrastats) prints in two seconds of
# rest in NAME.idle, and what it prints while the program runs in NAME.running. Ends as the program does.
meter=$1 name=$2
shift 2
watch() {
  rm -f -- "$1"
  "$meter" --interval 100 --logfile "$1" >/dev/null 2>&1 </dev/null &
  watcher=$!
}
unwatch() {
  kill "$watcher" 2>/dev/null
  wait "$watcher" 2>/dev/null
}
watch "$name.idle"
sleep 2
unwatch
watch "$name.running"
"$@"
code=$?
unwatch
exit "$code"
