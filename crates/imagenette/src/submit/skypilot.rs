//! A task for SkyPilot's managed jobs: `sky jobs launch`.
//!
//! What is preempted is begun again from the start of the script, on another machine, with the runs that the bucket
//! has; of statuses of the program only 33 does the same.

use super::script::script;
use super::{Jobs, comment, yaml};
use crate::shell_words;

/// What only this engine needs.
pub(crate) struct Places<'a> {
    /// The file of the program, which is sent to the machines.
    pub(crate) program: &'a str,
    pub(crate) bucket: &'a str,
    /// Machines as clouds name them, with the cloud.
    pub(crate) machines: &'a [(String, String)],
}

/// The file of a task.
pub(crate) fn file(jobs: &Jobs<'_>, places: &Places<'_>) -> String {
    let (plan, resources) = (jobs.plan, jobs.resources);
    let machines = match places.machines {
        [] => format!("  cpus: {}+\n  memory: {}+\n  use_spot: true\n", resources.cores, resources.memory_gib),
        machines => {
            let machine = |(cloud, name): &(String, String)| {
                format!("    - {{infra: {cloud}, instance_type: {}, use_spot: true}}\n", yaml::quoted(name))
            };
            format!("  any_of:\n{}", machines.iter().map(machine).collect::<String>())
        }
    };
    // Jobs of a pool count from 0.
    let body = format!(
        "mkdir -p \"$HOME/imagenette\"
cd \"$HOME/imagenette\" || exit 1
ln -sfn /runs runs
PATH=$HOME/bin:$PATH
chmod +x \"$HOME/bin/imagenette\"
{}",
        script(plan, "imagenette", "$((${SKYPILOT_JOB_RANK:-$((JOB - 1))} + 1))", "")
    );
    format!(
        "# {count} jobs of: {}
# Each is launched by itself:
#     for job in $(seq 1 {count}); do sky jobs launch -d -y --env JOB=$job FILE; done
name: {}
resources:
{machines}  job_recovery: {{recover_on_exit_codes: [33], max_restarts_on_errors: 0}}
envs: {{JOB: \"0\"}}
file_mounts:
  /runs: {{name: {}, mode: MOUNT_CACHED}}
  ~/bin/imagenette: {}
run:{}",
        comment(&shell_words::line(&plan.typed)),
        plan.name,
        yaml::quoted(places.bucket),
        yaml::quoted(places.program),
        yaml::block(&body, 2),
        count = plan.jobs(),
    )
}
