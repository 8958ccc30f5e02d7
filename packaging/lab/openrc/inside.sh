# What packaging/lab/openrc/run has done in its container. Each check prints "ok …" or "FAIL …" and what was said.
cd /lab
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# As if OpenRC had started the machine.
mkdir -p /run/openrc/{daemons,exclusive,failed,hotplugged,inactive,options,scheduled,started,starting,stopping,tmp,wasinactive}
echo default >/run/openrc/softlevel

check() { # NAME COMMAND…
	local name=$1
	shift
	if "$@" >said 2>&1; then echo "ok   $name"; else
		echo "FAIL $name"
		sed 's/^/     /' said | tail -n 15
	fi
}
refuses() { # TEXT COMMAND…: it fails, and says the text
	local text=$1
	shift
	! "$@" >said.1 2>&1 && cat said.1 && grep -q "$text" said.1
}
eventually() {
	for _ in $(seq 100); do
		"$@" && return
		sleep 0.1
	done
	return 1
}
ready() { (exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 ') 2>/dev/null; }
agent() { pgrep -u deskbell -f 'deskbell run' | head -n 1; } # its process
stored() { [ "$(deskbell events list --json | grep -c '"sequence"')" = "$1" ]; }
files() { find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /lab -o -path /dev \) -prune -o -print | sort; }

files >files.before
check "status: not installed" refuses 'not installed' deskbell service status
check "start: not installed" refuses 'service install' deskbell service start
check "service install" deskbell service install
check "again" deskbell service install
check "it is there in the runlevel" test -e /etc/runlevels/default/deskbell
check "the user is made" id deskbell
check "status: stopped" refuses 'does not run: stopped' deskbell service status
check "service start" deskbell service start
check "it becomes ready" eventually ready
check "it is not root" sh -c 'ps -o user= -C deskbell | grep -qx deskbell'
check "its umask is that of the unit" grep -qx 'Umask:[[:space:]]0027' "/proc/$(agent)/status"
check "status: running" deskbell service status
check "a webhook is taken" deskbell send
check "and stored" eventually stored 1

before=$(agent)
kill -KILL "$before"
check "after kill -9 it comes back" eventually ready
anew() { [ -n "$(agent)" ] && [ "$(agent)" != "$before" ]; }
check "as another process" anew
check "with what it has stored" eventually stored 1

before=$(agent)
mkdir -p /etc/deskbell
echo 'webhook.rate = "many"' >/etc/deskbell/deskbell.toml
check "restart refuses a bad configuration and names it" refuses 'webhook.rate' deskbell service restart
check "so does rc-service itself" refuses 'webhook.rate' rc-service deskbell restart
same() { [ "$(agent)" = "$before" ] && ready; }
check "the old process goes on" same
echo 'token = 1' >/etc/deskbell/deskbell.toml
chmod 600 /etc/deskbell/deskbell.toml
check "one that the service may not read is refused, too" refuses 'permission denied' deskbell service restart
rm -r /etc/deskbell
check "without it restart works" deskbell service restart
check "it is ready" eventually ready
check "as another process" anew

check "service stop" deskbell service stop
check "nothing of it runs" sh -c '! pgrep -u deskbell'
check "service start" deskbell service start
check "service uninstall of one that runs says what stays" sh -c 'deskbell service uninstall | grep "the events in /var/lib/deskbell"'
check "nothing of it runs" sh -c '! pgrep -u deskbell'
check "the events are there" test -s /var/lib/deskbell/deskbell.db
rm -rf /var/lib/deskbell /var/log/deskbell.log
userdel deskbell
files | grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' >files.after
grep -v -e '/etc/\(passwd\|group\|shadow\|gshadow\|subuid\|subgid\)-\?$' files.before >files.wanted
check "no other file is left" diff files.wanted files.after
echo done
