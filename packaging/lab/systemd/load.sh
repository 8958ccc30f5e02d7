# Restarts and other versions while events are posted all the time, each over a connection of its own: nobody is refused.
. /lab/helpers.sh || exit 1

check "dpkg installs the older version" dpkg -i older.deb
check "the service becomes ready" eventually ready || exit 1
check "systemd keeps its socket" eventually kept 1

echo "--   restarts under load"
check "events are posted" load_begin
for i in 1 2 3; do
	before=$(property MainPID)
	check "restart $i" systemctl restart deskbell
	check "is another process" eventually another
done
check "systemd itself is started anew" systemctl daemon-reexec
check "the service is as it was" ready
before=$(property MainPID)
check "and restarts" systemctl restart deskbell
check "as another process" eventually another
check "all posts were answered 200, and are stored" load_end
check "one socket is kept" kept 1

echo "--   an upgrade under load"
check "events are posted" load_begin
before=$(property MainPID)
check "dpkg installs the newer version" dpkg -i deskbell.deb
check "another process is ready" eventually another
check "the version is the newer one" sh -c '[ "$(dpkg-query -f "\${Version}" -W deskbell)" = "$(dpkg-deb -f deskbell.deb Version)" ]'
before=$(property MainPID)
check "back to the older version" dpkg -i older.deb
check "another process is ready" eventually another
check "all posts were answered 200, and are stored" load_end
check "one socket is kept" kept 1

echo "--   kill -9 under load"
check "events are posted" load_begin -workers 16 -allow 16
before=$(property MainPID)
check "the process is killed" systemctl kill --kill-who=main --signal=KILL deskbell
check "another process is ready" eventually another
check "no post but those in work failed" load_end
check "one socket is kept" kept 1

echo "--   another address"
cp -p /etc/deskbell/deskbell.toml kept.toml
sed -i 's/127.0.0.1:8080/127.0.0.1:8081/' /etc/deskbell/deskbell.toml
check "the service restarts with another address" systemctl restart deskbell
check "it is taken at once" bash -c 'exec 4<>/dev/tcp/127.0.0.1/8081'
check "one socket is kept" eventually kept 1
cp -p kept.toml /etc/deskbell/deskbell.toml
check "and back" systemctl restart deskbell
check "a webhook is taken" deskbell send
check "one socket is kept" eventually kept 1

echo "--   a configuration that is refused"
before=$(property MainPID)
echo 'nonsense = true' >>/etc/deskbell/deskbell.toml
check "dpkg installs the newer version" dpkg -i deskbell.deb
check "the old process goes on" test "$(property MainPID)" = "$before"
check "and is ready" ready
readable=kept.toml
check "and takes webhooks" load_begin
check "each of them" load_end
readable=
cp -p kept.toml /etc/deskbell/deskbell.toml
check "with the fault put right it restarts" systemctl restart deskbell
check "as another process" eventually another

echo "--   remove, install, purge"
events=$(last)
cp -p /etc/deskbell/deskbell.toml mine.toml
echo '# mine' | tee -a mine.toml >>/etc/deskbell/deskbell.toml
check "dpkg removes the package" dpkg --remove deskbell
check "the program is gone" test ! -e /usr/bin/deskbell
check "systemd keeps nothing" sh -c '! systemctl is-active deskbell'
check "the configuration stays" cmp mine.toml /etc/deskbell/deskbell.toml
check "the store stays" test -s /var/lib/deskbell/deskbell.db
check "dpkg installs it again" dpkg -i deskbell.deb
check "the service becomes ready" eventually ready
check "with the configuration" cmp mine.toml /etc/deskbell/deskbell.toml
check "and the events" test "$(last)" -ge "$events"
check "dpkg purges it" dpkg --purge deskbell
check "no configuration is left" test ! -e /etc/deskbell
check "and no store" test ! -e /var/lib/deskbell
