# The lines of the README, word for word, as whoever installs deskbell for the first time: on a Debian that has nothing of it.
. /lab/helpers.sh || exit 1

files >files.before
users >users.before
mkdir /root/new
cp deskbell.deb "/root/new/$(cat name)"
cd /root/new || exit 1
# watch writes down what the outputs show
watch() {
	while :; do
		deskbell status --json 2>/dev/null | tr -s ' \n' ' '
		echo
		sleep 0.1
	done >>/lab/seen
}
: >/lab/seen
watch & watch=$!
while IFS= read -r line; do
	[ -n "$line" ] || continue
	check "$line" bash -c "$line" </dev/null
done </lab/lines
cd /lab || exit 1
sleep 0.3
kill "$watch"
check "there were six lines" test "$(grep -c . lines)" = 6
check "the service is ready" ready
check "the simulated lamp was lit" grep -qE '"kind": ?"light", ?"driver": ?"simulated", ?"on": ?true' seen
check "the simulated buzzer rang" grep -qE '"kind": ?"buzzer", ?"driver": ?"simulated", ?"on": ?true' seen
check "nothing has crashed" has NRestarts 0

echo "--   a person of the group deskbell"
useradd --create-home --groups deskbell anna
for command in "status" "events list" "card" "why" "ack"; do
	check "runs $command" su anna -c "deskbell $command"
done
check "reads no secret" sh -c '! su anna -c "cat /etc/deskbell/token"'
check "is told who may send" sh -c '! su anna -c "deskbell send" >told 2>&1 && cat told && grep -q token told && grep -q sudo told'
userdel --remove anna 2>/dev/null

echo "--   what setup wrote"
systemctl reset-failed deskbell
token=$(cat /etc/deskbell/token)
check "the token is root's alone" test "$(stat -c '%U %a' /etc/deskbell/token)" = "root 600"
check "posts with it are taken, also over a restart" load_begin
check "the service restarts" systemctl restart deskbell
check "all posts were answered 200, and are stored" load_end
mv /etc/deskbell/token token
check "without the token's file it does not start" sh -c '! systemctl restart deskbell'
check "its exit status is 3" has ExecMainStatus 3
check "the journal says which is missing" sh -c 'journalctl --no-pager --unit=deskbell --lines=20 | grep "the credential webhook.tokens is empty"'
mv token /etc/deskbell/token
check "with it it starts" systemctl start deskbell
check "setup once more" deskbell setup --yes
check "keeps the token" test "$(cat /etc/deskbell/token)" = "$token"
check "an upgrade asks nothing about the configuration" sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i deskbell.deb </dev/null'
check "and leaves the service ready" eventually ready

echo "--   purge"
check "dpkg purges the package" dpkg --purge deskbell
rm -r /root/new
files >files.after
users >users.after
check "no file is left, of setup's neither" diff files.before files.after
check "no user or group is left" diff users.before users.after
check "dpkg installs it again" dpkg -i deskbell.deb
check "the service becomes ready" eventually ready
check "a webhook is taken" deskbell send
check "dpkg purges it again" dpkg --purge deskbell
