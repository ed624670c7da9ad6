# Keeps one server: $1 is its folder, the rest its command line. Words come on stdin and are answered by a line.
# When stdin ends, which it also does when the test process is killed, the server ends and its folder goes.

folder=$1
shift
pid=

end() {
  if [ -n "$pid" ]; then
    kill -KILL "$pid"
    # Until here its number cannot belong to another process, even if it ended by itself.
    wait "$pid"
    pid=
  fi
}

while read -r word; do
  case $word in
    start)
      end
      "$@" >>"$folder/log" 2>&1 </dev/null &
      pid=$!
      echo "$pid"
      ;;
    kill)
      end
      echo done
      ;;
    STOP | CONT)
      kill "-$word" "$pid"
      echo "$pid"
      ;;
  esac
done
end
rm -rf -- "$folder"
