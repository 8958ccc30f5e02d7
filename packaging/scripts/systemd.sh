
# account makes the user, and lets it use the GPIO chips.
account() {
	systemd-sysusers deskbell.conf
	if getent group gpio >/dev/null; then
		usermod --append --groups gpio deskbell
	fi
	if [ -S /run/udev/control ]; then
		udevadm control --reload || true
		udevadm trigger --subsystem-match=gpio --settle || true
	fi
}

# accepted tells whether this version takes the configuration, as the service sees it: its unit with all drop-ins, user and
# credentials, but with check in the place of run.
accepted() {
	unit=/run/systemd/system/deskbell-check.service
	systemctl cat deskbell.service | sed -E 's/^(ExecStart=.*) run( .*|$)/\1 check\2/; s/^Type=.*/Type=oneshot/
		/^(ExecStopPost|Restart|WatchdogSec|FileDescriptorStoreMax|OnFailure)/d' >"$unit"
	systemctl daemon-reload
	result=0
	timeout 60 systemctl start deskbell-check.service || result=$?
	rm -f "$unit"
	systemctl daemon-reload
	systemctl reset-failed deskbell-check.service 2>/dev/null || true
	return "$result"
}

# renew COMMAND…: starts this version in the place of the one that runs, if it takes the configuration. It waits for a minute: a
# large store is read first, and whoever installs the package need not watch that.
renew() {
	if ! accepted >/dev/null 2>&1; then
		echo "deskbell: this version refuses the configuration, so what ran before goes on. Why: journalctl -u deskbell-check" >&2
		return 0
	fi
	begin "$@"
}

# begin COMMAND…: that starts the service. What it has to say must not leave the package half installed.
begin() {
	systemctl reset-failed deskbell.service 2>/dev/null || true
	timeout 60 "$@" deskbell.service >/dev/null || echo "deskbell: not ready yet; see: journalctl -u deskbell" >&2
}
