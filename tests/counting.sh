# Sourced by tests/run: how many tests have passed, failed and been skipped, and how long each part took.
# It adds to `passed`, `failed` and `skipped`, and keeps its files in `work`.

times=()
part_name='' part_start=$SECONDS part_cpu=0
heading() {
    local seconds
    end_part
    processor_seconds
    part_name=$* part_start=$SECONDS part_cpu=$seconds
    printf '\n== %s\n' "$*"
}

end_part() {
    local wall=$((SECONDS - part_start)) cpu seconds
    if [[ -n $part_name ]]; then
        processor_seconds
        cpu=$((seconds - part_cpu))
        times+=("$(printf '%5d:%02d %5d:%02d  %s' $((wall / 60)) $((wall % 60)) $((cpu / 60)) $((cpu % 60)) "$part_name")")
    fi
}

# Of all processes that this shell has waited for. Not in a subshell, which would tell of its own.
processor_seconds() {
    times >"$work/times"
    seconds=$(tail -n 1 "$work/times" | awk '{ split($1 "m" $2, part, /[ms]+/); print int(60 * (part[1] + part[3]) + part[2] + part[4]) }')
}

# A part that could not be run at all is a failure.
broken() {
    printf 'failed: %s\n' "$*"
    failed=$((failed + 1))
}

# A part that this machine cannot run.
left_out() {
    printf 'skipped: %s\n' "$*"
    skipped=$((skipped + 1))
}

finish() {
    end_part
    printf '\nminutes of each part, of the clock and of the processor\n'
    printf '%s\n' "${times[@]}"
    printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [[ $failed -eq 0 ]]
    exit
}

# Adds up lines such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
count_cargo_test() {
    local line
    while read -r line; do
        [[ $line =~ ([0-9]+)\ passed\;\ ([0-9]+)\ failed\;\ ([0-9]+)\ ignored ]] || continue
        passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[3]))
    done < <(grep '^test result:' "$1")
}

# Adds up the line `Summary [ 1.2s] 30 tests run: 29 passed (1 slow), 1 failed, 2 skipped`.
count_nextest() {
    local line kind
    line=$(grep -E '^ *Summary \[' "$1" | tail -n 1)
    for kind in passed failed skipped; do
        if [[ $line =~ ([0-9]+)\ $kind ]]; then
            printf -v "$kind" '%d' $(($kind + BASH_REMATCH[1]))
        fi
    done
    if [[ $line =~ ([0-9]+)\ timed\ out ]]; then
        failed=$((failed + BASH_REMATCH[1]))
    fi
}

count_pytest() { # count_pytest NAME STATUS
    local name=$1 status=$2 counts
    if ! counts=$(python tests/python/count_report.py "$work/$name.xml"); then
        broken "$name: no report (exit status $status)"
        return
    fi
    read -r p f s <<<"$counts"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    # 5: no test was found; anything else but 1 (some failed): pytest itself failed.
    if [[ $status -ne 0 && $f -eq 0 ]]; then
        broken "$name: exit status $status"
    fi
}
