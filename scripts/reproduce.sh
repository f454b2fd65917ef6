#!/usr/bin/env bash
# Every trial of the five studies that FER-2013 alone can run, then the studies' tables.
#
#   scripts/reproduce.sh            as published: every epoch, every image; hours on a GPU
#   scripts/reproduce.sh --quick    stratified 4,000 images to train and 2,000 to choose, 2 epochs
#
# Needs FER-2013 in data/raw/fer2013. Trials of the licensed datasets (and FER+, where its images lie
# in data/raw/ferplus) stay empty cells that say their command. Stopped, it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

OUT=outputs/studies QUICK=() JOBS=1 THREADS=()
STUDIES=(balanescu2020 kurmi2022 tekula2023 ghafourian2021 athanasiadis2022)
if [[ "${1:-}" == --quick ]]; then
  OUT=outputs/studies_quick
  QUICK=(trainer.max_train_images=4000 trainer.max_val_images=2000 trainer.max_epochs=2)
elif [[ $# -gt 0 ]]; then
  sed -n '2,8p' "$0" | cut -c3-
  exit 2
fi
if ! command -v nvidia-smi > /dev/null; then  # small networks: a process a core beats two threads
  JOBS=$(nproc)
  THREADS=(trainer.threads=1)
  export OMP_NUM_THREADS=1
fi

run_trial() {
  local trial=$1 folder=$2
  shift 2
  if [[ -f $folder/report/metrics.json ]]; then return; fi
  echo "--- $trial"
  if [[ -f $folder/checkpoints/last.ckpt ]]; then
    ferkit train "resume=$folder"
  else
    rm -rf "$folder"  # begun, without an epoch done
    ferkit train "experiment=$trial" "run_dir=$folder" "$@"
  fi > "$folder.log" 2>&1 || echo "failed: $trial, see $folder.log"
}
export -f run_trial

trials() {
  local study file
  for study in balanescu2020 kurmi2022 tekula2023; do
    for file in "configs/experiment/$study"/*.yaml; do echo "$study/$(basename "$file" .yaml)"; done
  done
  if [[ -d data/raw/ferplus ]]; then echo athanasiadis2022/ferplus_resnet18; fi
}

SECONDS=0
for study in "${STUDIES[@]}"; do mkdir -p "$OUT/runs/$study"; done
ferkit data prepare dataset=fer2013 > /dev/null
trials | xargs -P "$JOBS" -I{} bash -c 'run_trial "$@"' _ {} "$OUT/runs/{}" "${QUICK[@]}" "${THREADS[@]}"
for study in "${STUDIES[@]}"; do
  found=()
  if compgen -G "$OUT/runs/$study/*/config.yaml" > /dev/null; then found=("runs=[$OUT/runs/$study]"); fi
  ferkit eval "study=$study" "${found[@]}" "out=$OUT/$study" > /dev/null
  echo "$OUT/$study/$study.html"
done
printf 'all of it took %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
