"""What was measured, as tables."""

import conditions
import short
import times
from score import Count
from systems import CT2, MEANING, OURS, sum_of


def table(header, rows):
    lines = [header] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    shown = lambda line: "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
    print("\n".join([shown(lines[0]), "|-" + "-|-".join("-" * width for width in widths) + "-|", *map(shown, lines[1:])]))


def weights(models):
    files = [*sorted(models.glob("*.pt")), models / OURS["whisper"], models / CT2 / "model.bin"]
    return {str(file.relative_to(models)): sum_of(file) for file in files}


def foreword(models, recordings, legs, noise, wanted, names, source):
    for name, digest in weights(models).items():
        print(f"sha256 {digest}  {name}")
    seconds = [leg.seconds for leg in legs]
    print(f"\n{len(recordings)} recordings ({source}); {len(legs)} legs of {min(seconds):.0f} to {max(seconds):.0f} s made of them, {sum(seconds) / 60:.1f} min in all")
    print(f"noise: {noise}")
    for name in names:
        print(f"{name}: {conditions.MEANING[name]}")
    for system in wanted:
        print(f"{system}: {MEANING[system]}")
    print("each on one core with one thread; CPU seconds without the loading of the model")


def words_wrong(measured, wanted, names, groups):
    said = measured.count(wanted[0], names[0]).said
    print(f"\nWER % (CPU s), {said} words")
    table(["", *names], [[system, *(f"{measured.count(system, name).wer:.1f} ({measured.cpu_s(system, name):.0f})" for name in names)] for system in wanted])
    print("\nwords substituted / left out / put in")
    three = lambda count: f"{count.substituted} / {count.left_out} / {count.put_in}"
    table(["", *names], [[system, *(three(measured.count(system, name)) for name in names)] for system in wanted])
    print("\nWER % by group (its words)")
    rows = []
    for group in groups:
        for system in wanted:
            counts: list[Count] = [measured.count(system, name, group=group) for name in names]
            rows.append([f"{group} ({counts[0].said})", system, *(f"{count.wer:.1f}" for count in counts)])
    table(["", "", *names], rows)
    of_short = {(system, name): short.count(measured.scorer, measured.answers[system, name]) for system in wanted for name in names}
    first = of_short[wanted[0], names[0]]
    print(f"\nutterances of {short.LONGEST_S} s at most, {first.utterances} with {first.words.said} words: right as a whole (words substituted / left out)")
    shown = lambda found: f"{found.right} ({found.words.substituted} / {found.words.left_out})"
    table(["", *names], [[system, *(shown(of_short[system, name]) for name in names)] for system in wanted])


def invented(measured, wanted, seconds):
    print(f"\nwords invented in {seconds / 60:.1f} min of hold music, tones, noise and silence (CPU s)")
    table(["", "invented", "CPU s", "on"], [
        [
            system, measured.words_invented(system), f"{measured.quiet_cpu_s(system):.1f}",
            ", ".join(f"{name} {count}" for name in sorted(measured.invented[system]) if (count := measured.words_invented(system, [name]))),
        ]
        for system in wanted
    ])


def word_times(lines_of, skipped_groups):
    """Of each system, legs with what was heard on them; the last system is the one to compare with."""
    print(f"\nword times at 16k, ms: median / p95 of the error (all groups but {', '.join(skipped_groups)})")
    reference = list(lines_of)[-1]
    shown = lambda values: f"{1000 * times.percentile(values, 0.5):.0f} / {1000 * times.percentile(values, 0.95):.0f} ({len(values)})"
    rows = []
    for system, lines in lines_of.items():
        starts, ends, utterances = times.against_placement(lines)
        apart = "" if system == reference else shown(times.against_other(lines, lines_of[reference]))
        rows.append([system, shown(starts), shown(ends), utterances, apart])
    table(["", "first word's start", "last word's end", "utterances", f"start of any word, from {reference}'s"], rows)
    print("against where each recording was put and somebody is heard in it; only words that were heard right, their number in brackets")


def goals(by_system):
    print("\ngoals, beside faster-whisper")
    rows = [[system, goal.what, goal.ours, goal.theirs, goal.goal, "reached" if goal.reached else "NOT reached"] for system, found in by_system.items() for goal in found]
    table(["", "what", "lineside", "faster-whisper", "goal", ""], rows)
