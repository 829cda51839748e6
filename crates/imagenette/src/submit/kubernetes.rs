//! An indexed Job for Kubernetes: `kubectl create`.
//!
//! A pod that ends with 33, or that its node loses, is replaced without being counted as failed; one that fails is
//! tried no more. The image is the one of this repository's Dockerfile, and the volume is shared by all.

use super::script::script;
use super::{Jobs, comment, yaml};
use crate::shell_words;

/// Seconds that a pod has for its checkpoint.
const GRACE_SECONDS: u32 = 60;
/// The largest file that the server takes, with room for what it adds: etcd's limit is 1.5 MiB.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// What only this engine needs.
pub(crate) struct Places<'a> {
    pub(crate) image: &'a str,
    pub(crate) claim: &'a str,
}

/// The file of a Job.
pub(crate) fn file(jobs: &Jobs<'_>, places: &Places<'_>) -> String {
    let (plan, resources) = (jobs.plan, jobs.resources);
    let count = plan.jobs();
    let text = script(plan, jobs.program, "$((JOB_COMPLETION_INDEX + 1))", "");
    format!(
        "# {count} jobs of: {}
apiVersion: batch/v1
kind: Job
metadata: {{generateName: {}-}}
spec:
  completionMode: Indexed
  completions: {count}
  parallelism: {}
  backoffLimitPerIndex: 0
  maxFailedIndexes: {count}
  podFailurePolicy:
    rules:
      - {{action: Ignore, onExitCodes: {{containerName: run, operator: In, values: [33]}}}}
      - {{action: Ignore, onPodConditions: [{{type: DisruptionTarget, status: \"True\"}}]}}
      - {{action: FailIndex, onExitCodes: {{containerName: run, operator: NotIn, values: [0, 33]}}}}
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: {GRACE_SECONDS}
      securityContext: {{runAsUser: 1000, fsGroup: 1000}}
      containers:
        - name: run
          image: {}
          resources:
            requests: {{cpu: \"{}\", memory: {}Gi}}
            limits: {{memory: {}Gi}}
          volumeMounts:
            - {{name: shared, mountPath: /work/runs, subPath: runs}}
            - {{name: shared, mountPath: /data, subPath: data}}
          command:
            - /bin/sh
            - -c
            -{}      volumes:
        - name: shared
          persistentVolumeClaim: {{claimName: {}}}
",
        comment(&shell_words::line(&plan.typed)),
        plan.name,
        jobs.at_once.map_or(count, |at_once| u64::from(at_once).min(count)),
        yaml::quoted(places.image),
        resources.cores,
        resources.memory_gib,
        resources.memory_gib,
        yaml::block(&unexpanded(&text), 14),
        yaml::quoted(places.claim),
    )
}

/// A command that Kubernetes hands on as it is: it takes `$(NAME)` for a variable of the container, and `$$` for `$`.
fn unexpanded(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        escaped.push(letter);
        if letter == '$' && matches!(letters.peek(), Some('$' | '(')) {
            escaped.push('$');
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kubernetes makes of a command, of which it knows no variable: as its `expansion.Expand`.
    fn expanded(text: &str) -> String {
        let mut out = String::new();
        let letters: Vec<char> = text.chars().collect();
        let mut at = 0;
        while at < letters.len() {
            out.push(letters[at]);
            let is_escape = letters[at] == '$' && letters.get(at + 1) == Some(&'$');
            at += if is_escape { 2 } else { 1 };
        }
        out
    }

    #[test]
    fn what_kubernetes_would_expand_is_escaped() {
        for text in ["$(IMAGENETTE_HOME)", "$$", "$$$(x)", "a$", "$((1 + 2))", "\"$run\"", "$", "$$$", "${x}"] {
            let escaped = unexpanded(text);
            assert_eq!(expanded(&escaped), text, "{escaped}");
            assert!(!escaped.replace("$$", "").contains("$("), "{escaped}");
        }
    }
}
