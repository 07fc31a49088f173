# Sourced by programs that run others beside each other.

#   beside FOLDER COMMAND...
#
# Runs all of the commands at once, each a function's name with its arguments. What one says goes to a file of the folder
# that is named for it, and is shown when it has ended. Fails when one of them failed.
beside() {
  local folder=$1 command i running=() code=0
  shift
  for command in "$@"; do
    $command >"$folder/${command// /-}.log" 2>&1 &
    running+=($!)
  done
  for ((i = 0; i < ${#running[@]}; ++i)); do
    wait "${running[i]}" || code=1
    command=${*:i+1:1}
    cat "$folder/${command// /-}.log"
  done
  return "$code"
}
