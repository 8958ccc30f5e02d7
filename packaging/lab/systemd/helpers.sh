# What the lab's scripts share. They run inside the container, as root, under its systemd.
cd /lab || exit 1

# check WHAT COMMAND…: one line; what a failed command printed follows it, and what the service said last.
check() {
	local what=$1
	shift
	if "$@" >last 2>&1; then
		echo "ok   $what"
	else
		echo "FAIL $what"
		{ tail -n 5 last; journalctl --no-pager --output=cat --unit=deskbell --lines=15; } | sed 's/^/       /'
		return 1
	fi
}
# eventually COMMAND…: true as soon as the command is, within 30 s or $patience.
eventually() {
	local end=$((SECONDS + ${patience:-30}))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
property() { systemctl show --value -p "$1" deskbell; }
has() { [ "$(property "$1")" = "$2" ] || { echo "$1=$(property "$1"), not $2"; false; }; }
ready() { has ActiveState active && has SubState running; }
stored() { [ "$(deskbell events list --json | grep -o '"sequence"' | wc -l)" -ge "$1" ]; }
delivered() { [ "$(deskbell status --json | grep -o '"acked_sequence": *[0-9]*' | grep -o '[0-9]*$')" -ge "$1" ]; }
# main FIELD PATTERN: a line of the main process's /proc status.
main() { grep -E "^$1:[[:space:]]+$2" "/proc/$(property MainPID)/status" || { grep "^$1" "/proc/$(property MainPID)/status"; false; }; }
# files: everything that a package or a service may leave behind; logs, caches and dpkg's own books are not.
files() {
	find / -xdev \( -path /lab -o -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/tmp -o -path /var/log \
		-o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/lib/apt \) -prune -o -print |
		grep -v -E '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|^/etc/\.pwd\.lock$' | sort
}
users() { getent passwd; getent group; }

# load_begin [FLAGS]: events are posted from now on, each over a connection of its own, until load_end, which is true when all were
# answered 200 and are stored. What came of it is a line.
load_begin() {
	sequence=$(last)
	./load "$@" http://127.0.0.1:8080/webhook $token >load.out 2>&1 &
	load=$!
	eventually further "$sequence"
}
load_end() {
	sleep "${1:-1}"
	kill -TERM "$load"
	wait "$load"
	local result=$?
	sed 's/^/     /' load.out >&3
	local good=$(sed -n 's/^\([0-9]*\) answered 200$/\1/p' load.out)
	[ "$(last)" -ge $((sequence + good)) ] || { echo "$good were answered 200, $(($(last) - sequence)) are stored"; return 1; }
	return $result
}
further() { [ "$(last)" -gt "$1" ]; }
# last: the sequence of the newest event, as the agent that runs has it, though the configuration may be refused by now
last() { deskbell status --json --config "${readable:-/etc/deskbell/deskbell.toml}" | grep -o '"last_sequence": *[0-9]*' | grep -o '[0-9]*$'; }
# kept N: systemd keeps so many sockets of the service
kept() { has NFileDescriptorStore "$1"; }
# another than BEFORE: the service is ready as another process
another() { ready && [ "$(property MainPID)" != "$before" ]; }
token=
exec 3>&1
