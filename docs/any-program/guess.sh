#!/bin/sh
# The least that a command of `imagenette compare` must do: read the list of val photos (path, tab, class) and leave
# {out}/predictions.csv with a line for each. This one cheats: it copies the classes, and gets some of 100 wrong, other
# ones with each seed.
#   imagenette compare --dataset drawn --base-command 'sh guess.sh {seed} {out} {val_list} 20' \
#       --idea-command 'sh guess.sh {seed} {out} {val_list} 12'
set -eu
seed=$1 out=$2 val_list=$3 wrong=$4
first=$(head -n 1 "$val_list" | cut -f 2)
last=$(tail -n 1 "$val_list" | cut -f 2)
awk -F '\t' -v seed="$seed" -v wrong="$wrong" -v first="$first" -v last="$last" '
    BEGIN { print "sample,class" }
    {
        class = $2
        if ((NR * 37 + seed * 53 + NR * seed * 11) % 101 < wrong) class = class == first ? last : first
        print $1 "," class
    }' "$val_list" > "$out/predictions.csv"
echo "guessed with seed $seed"
