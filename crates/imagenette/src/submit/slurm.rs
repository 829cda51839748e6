//! A job array for Slurm's `sbatch`.
//!
//! Slurm tells a job of its end with USR1 before its time is over, and with TERM when it is preempted; where the
//! cluster requeues what it preempts, it does so itself, else the job asks for it. A job that somebody cancels is not
//! requeued.

use super::script::script;
use super::{Jobs, comment};
use crate::shell_words;

/// Seconds before the end of the time at which a job is told.
const WARNING_SECONDS: u32 = 120;
/// The largest number of an array's job where the cluster's `MaxArraySize` is Slurm's own.
pub(crate) const USUAL_JOBS: u64 = 1000;

/// The file.
pub(crate) fn file(jobs: &Jobs<'_>) -> String {
    let plan = jobs.plan;
    let resources = jobs.resources;
    let at_once = jobs.at_once.map_or(String::new(), |count| format!("%{count}"));
    let time = format!("{:02}:{:02}:00", resources.minutes / 60, resources.minutes % 60);
    // Asked after the run has ended: what is being preempted is requeued by Slurm, what was cancelled must not be.
    let again = "if [ \"$status\" -eq 33 ]; then
    job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
    if scontrol show job \"$job\" | grep -q 'JobState=RUNNING'; then
        # Slurm ends this script when it requeues the job.
        scontrol requeue \"$job\" && sleep 60
    fi
fi
";
    format!(
        "#!/bin/bash
# {} jobs of: {}
#SBATCH --job-name={name}
#SBATCH --array=1-{count}{at_once}
#SBATCH --cpus-per-task={} --mem={}G --time={time}
#SBATCH --requeue --open-mode=append --signal=B:USR1@{WARNING_SECONDS}
#SBATCH --output={name}-%A_%a.log

{}",
        plan.jobs(),
        comment(&shell_words::line(&plan.typed)),
        resources.cores,
        resources.memory_gib,
        script(plan, jobs.program, "${SLURM_ARRAY_TASK_ID-}", again),
        name = plan.name,
        count = plan.jobs(),
    )
}
