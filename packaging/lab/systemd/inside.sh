# What an administrator does with the package, and what they look at.
. /lab/helpers.sh || exit 1

groupadd --system gpio
files >files.before
users >users.before

echo "--   the package"
check "dpkg installs the package" dpkg -i deskbell.deb
check "the service becomes ready" eventually ready || exit 1
check "it starts with the machine" systemctl is-enabled deskbell
check "its configuration as shipped has no fault" deskbell check
check "it is not root" main Uid "$(id -u deskbell)[[:space:]]+$(id -u deskbell)[[:space:]]"
check "it is in the group gpio" main Groups ".*\b$(getent group gpio | cut -d: -f3)\b"
check "it has no capability" main CapBnd 0000000000000000
check "it can gain no privilege" main NoNewPrivs 1
check "system calls are filtered" main Seccomp 2
check "its folder is for itself and its group" test "$(stat -c '%U:%G %a' /var/lib/deskbell)" = "deskbell:deskbell 750"
check "its configuration may hold secrets" test "$(stat -c '%U:%G %a' /etc/deskbell/deskbell.toml)" = "root:deskbell 640"

echo "--   events"
check "a webhook is taken" deskbell send
check "and stored" stored 1
check "and delivered to the built-in broker" eventually delivered 1
first=$(deskbell events show 1 --json)
useradd --create-home --groups deskbell anna
check "a person of the group deskbell reads the status" su anna -c "deskbell status"
userdel --remove anna 2>/dev/null
check "nothing has crashed until here" has NRestarts 0

echo "--   kill -9"
before=$(property MainPID)
systemctl kill --kill-who=main --signal=KILL deskbell
check "the service is ready again, as another process" eventually another
check "the outputs were driven off after the crash" sh -c 'systemctl show -p ExecStopPost deskbell | grep -q "gpio off.*status=0"'
check "the event is there as it was" test "$(deskbell events show 1 --json)" = "$first"
check "the next webhook is taken" deskbell send
check "and stored" stored 2

echo "--   a process that hangs"
mkdir -p /run/systemd/system/deskbell.service.d
printf '[Service]\nWatchdogSec=2\n' >/run/systemd/system/deskbell.service.d/lab.conf
systemctl daemon-reload
systemctl restart deskbell
before=$(property MainPID)
systemctl kill --kill-who=main --signal=STOP deskbell
check "the watchdog restarts it" eventually another
rm -r /run/systemd/system/deskbell.service.d
systemctl daemon-reload
check "and it is ready without that" systemctl restart deskbell

echo "--   configuration"
cp -p /etc/deskbell/deskbell.toml kept.toml
echo 'nonsense = true' >>/etc/deskbell/deskbell.toml
check "a refused configuration does not start" sh -c '! systemctl restart deskbell'
check "its exit status is 3" has ExecMainStatus 3
# Were it to be started again, it would be "activating" until then.
check "and it is not started again" has ActiveState failed
rm /etc/deskbell/deskbell.toml
check "without a configuration it starts" systemctl start deskbell
cp -p kept.toml /etc/deskbell/deskbell.toml
echo '# mine' >>/etc/deskbell/deskbell.toml
check "the package over itself" dpkg -i deskbell.deb
check "leaves the service ready" eventually ready
check "and the configuration as it was changed" grep -q '^# mine' /etc/deskbell/deskbell.toml
check "and the events" stored 2
install -D -m 644 /usr/share/doc/deskbell/examples/credentials.conf /etc/systemd/system/deskbell.service.d/credentials.conf ||
	printf '[Service]\nLoadCredential=webhook.tokens:/etc/deskbell/token\n' | # Debian's container images leave documents out
	install -D -m 644 /dev/stdin /etc/systemd/system/deskbell.service.d/credentials.conf
echo secret-of-the-lab | install -m 600 /dev/stdin /etc/deskbell/token
systemctl daemon-reload
check "with the token as a credential it starts" systemctl restart deskbell
# answer TOKEN STATUS: an empty post with this token is answered with this status; by bash alone.
answer() {
	exec 3<>/dev/tcp/127.0.0.1/8080
	printf 'POST /webhook HTTP/1.1\r\nHost: lab\r\nAuthorization: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" >&3
	head -n 1 <&3 | grep " $2 "
}
check "the right token is taken" answer secret-of-the-lab 200
check "a wrong one is not" answer wrong 401
rm -r /etc/systemd/system/deskbell.service.d /etc/deskbell/token
systemctl daemon-reload

echo "--   the unit"
exposure=$(systemd-analyze security --no-pager deskbell | tail -n 1 | grep -o '[0-9]*\.[0-9]' | head -n 1)
check "systemd's sum of what it is exposed to is $exposure, at most 2.0" test "${exposure/./}" -le 20
check "systemd finds nothing to say about it" sh -c '[ -z "$(systemd-analyze verify --man=no deskbell.service 2>&1 | grep deskbell)" ]'
start=$SECONDS
check "a clean stop" systemctl stop deskbell
check "takes less than 10 s" test $((SECONDS - start)) -lt 10
check "and is a success" has Result success

echo "--   purge"
cp /usr/bin/deskbell /lab/deskbell
systemctl start deskbell
check "dpkg purges the package" dpkg --purge deskbell
files >files.after
users >users.after
check "no file is left" diff files.before files.after
check "no user or group is left" diff users.before users.after
check "no state of systemd's helpers is left" sh -c '[ -z "$(find /var/lib/systemd /etc/systemd -name "*deskbell*")" ]'

echo "--   the plain binary as a service"
install /lab/deskbell /usr/local/bin/deskbell
hash -r
check "service install" deskbell service install
check "service start" deskbell service start
check "it becomes ready" eventually ready
check "from its own path" sh -c 'systemctl show -p ExecStart deskbell | grep -q path=/usr/local/bin/deskbell'
check "it is not root" main Uid "$(id -u deskbell)[[:space:]]"
check "service status" deskbell service status
check "a webhook is taken" deskbell send
check "and stored" stored 1
check "service restart" deskbell service restart
check "it is ready again" eventually ready
check "service stop" deskbell service stop
check "it has stopped" has ActiveState inactive
check "service uninstall" deskbell service uninstall
check "the unit is gone" test ! -e /etc/systemd/system/deskbell.service

