# What is to hold on a machine with nothing of ours but the program, for a user without rights. Runs in the machine that machine.sh
# boots; prints a line for each check, and the count at the end.
passed=0 failed=0

# expect NAME PATTERN COMMAND...: what the command says has the pattern in it.
# refuse NAME PATTERN COMMAND...: it has not; each has a control before it.
expect() { judge "$1" 0 "$2" "${@:3}"; }
refuse() { judge "$1" 1 "$2" "${@:3}"; }
judge() {
    local name=$1 wanted=$2 pattern=$3 said
    said=$("${@:4}" 2>&1)
    grep --quiet --extended-regexp -- "$pattern" <<< "$said"
    if [ $? -eq "$wanted" ]; then
        passed=$((passed + 1))
        echo "check: ok $name"
    else
        failed=$((failed + 1))
        echo "check: FAILED $name"
        tail -n 20 <<< "$said" | sed 's/^/    /'
    fi
}

code() { airlock exec --lang "$1" - <<< "$2"; }
delegated() { systemd-run --user --scope --quiet --property Delegate=yes -- "$@"; }
service() { sudo --non-interactive systemd-run --pipe --quiet "$@"; }
# A session with a server that shows /srv/open, and a call that reads a file.
session() {
    local call='{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"read","arguments":{"path":"'$1'"}}}'
    local client='{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"check","version":"1"}}'
    printf '%s\n' '{"jsonrpc":"2.0","id":1,"method":"initialize","params":'"$client"'}' \
        '{"jsonrpc":"2.0","method":"notifications/initialized"}' '{"jsonrpc":"2.0","id":3,"method":"tools/list"}' "$call" |
        airlock run --quiet "${@:2}" -- python3 /opt/server.py
}

. /etc/os-release
echo "check: $PRETTY_NAME, Linux $(uname -r), user $(id -u) in $(cut -d: -f3 /proc/self/cgroup)"
mkdir -p ~/.ssh && echo A-SECRET > ~/.ssh/id_ed25519
sudo --non-interactive sh -c 'mkdir /srv/open && echo AN-OPEN-FILE > /srv/open/file'

expect 'the box can be had' 'there +box' airlock sandbox doctor
expect 'Python runs' '^42$' code python 'print(6 * 7)'
expect 'JavaScript runs' '^42$' code javascript 'console.log(6 * 7)'
expect 'a shell runs' '^42$' code shell 'echo $((6 * 7))'
expect 'the secret can be read outside' A-SECRET cat ~/.ssh/id_ed25519
refuse 'the secret cannot be read inside' A-SECRET code shell "cat $HOME/.ssh/id_ed25519"
expect 'memory is bounded' 'more than .* of memory|MemoryError' \
    code python 'a = []
while True: a.append(bytearray(1 << 20))'
expect 'the deadline is kept' 'was ended after 1 s' airlock exec --timeout 1 -- sleep 60

expect 'a server shows its tool' '"name": ?"read"' session /srv/open/file --sandbox --ro /opt --ro /srv/open
expect 'a server reads what it was shown' AN-OPEN-FILE session /srv/open/file --sandbox --ro /opt --ro /srv/open
expect 'without the sandbox it reads the secret' 'A-SECRET' session "$HOME/.ssh/id_ed25519"
refuse 'in the sandbox it does not' 'A-SECRET' session "$HOME/.ssh/id_ed25519" --sandbox --ro /opt --ro /srv/open
expect 'a server for each call reads what it was shown' AN-OPEN-FILE \
    session /srv/open/file --sandbox --per-call --ro /opt --ro /srv/open

expect 'tools with sandbox_required run in it' 'test result: ok' /opt/sandboxed-tests
expect 'nothing gets out of the box' 'attempts: nothing got out' airlock sandbox selftest
if [ "$VERSION_ID" -ge 13 ]; then
    expect 'nothing gets out of lite' 'attempts: nothing got out' airlock sandbox selftest --backend lite
else
    expect 'lite says what it needs' 'Landlock does not keep signals' airlock sandbox selftest --backend lite
fi

mkdir -p ~/.local/bin && cp /usr/local/bin/airlock ~/.local/bin/
expect 'nor where the program lies in the home' 'attempts: nothing got out' ~/.local/bin/airlock sandbox selftest

expect 'no control group for a command as it is' 'version 2: none can be made' airlock sandbox doctor
expect 'a control group where one was given' 'version 2: one was made, for memory and pids' \
    delegated airlock sandbox doctor
expect 'none in a unit that was not given away' 'none can be made' \
    systemd-run --user --scope --quiet -- airlock sandbox doctor
refuse 'and then nothing is open' 'declared|hole|error' delegated airlock sandbox selftest
expect 'root has one in a session' 'one was made, for memory and pids' sudo --non-interactive airlock sandbox doctor
refuse 'and then nothing is open for root' 'declared|hole|error' sudo --non-interactive airlock sandbox selftest
refuse 'nothing is open in a service of root' 'declared|hole|error' \
    service --property Delegate=yes airlock sandbox selftest
refuse 'nothing is open in a service of a user' 'declared|hole|error' \
    service --property Delegate=yes --uid dev airlock sandbox selftest
expect 'no group is made where what bounds a service would be left' 'none can be made' service airlock sandbox doctor

if [ "$VERSION_ID" -ge 13 ]; then
    expect 'the AppArmor profile is loaded' '^loaded' \
        sh -c 'sudo --non-interactive apparmor_parser -r /opt/airlock && echo loaded'
    expect 'and names the program' 'airlock \(unconfined\)' \
        sh -c 'airlock exec -- sleep 5 & sleep 2; cat /proc/$(pgrep --oldest airlock)/attr/current; wait'
    expect 'and nothing gets out' 'attempts: nothing got out' airlock sandbox selftest
fi

refuse 'no process is left' '__box|airlock' ps -e -o args --no-headers --ppid 2 --deselect
refuse 'no control group is left' airlock find /sys/fs/cgroup -name 'airlock*'
echo "check: $passed passed, $failed failed"
