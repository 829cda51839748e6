//! An audit goes in, a handful of sentences comes out, the worst first: what a person reads first.

use serde::Serialize;

use super::names::keeps_imagenet_split;
use super::{Audit, NameFault, Sameness};
use crate::edition::Split;
use crate::image::Remark;

/// A class with more than this many times the photos of the smallest one is worth a look.
const UNBALANCED: usize = 3;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Results on this dataset mean less than they seem, or training may fail.
    Bad,
    /// A person should look at it.
    Look,
    /// All is well, or it is good to know.
    Fine,
}

/// One sentence of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was checked: `val in train`.
    pub subject: &'static str,
    /// What was found.
    pub text: String,
}

pub(super) fn findings(audit: &Audit) -> Vec<Finding> {
    let mut findings = vec![
        leaks(audit),
        near(audit),
        broken(audit),
        repaired(audit),
        duplicates(audit),
        places(audit),
        balance(audit),
    ];
    findings.extend(changed(audit));
    findings.extend(strays(audit));
    findings.extend(blank(audit));
    findings.extend(provenance(audit));
    findings.extend(surprises(audit));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn finding(severity: Severity, subject: &'static str, text: impl Into<String>) -> Finding {
    Finding { severity, subject, text: text.into() }
}

/// `1 photo`, `2 photos`.
pub(super) fn counted(count: usize, one: &str) -> String {
    let many = match one.strip_suffix("ss") {
        Some(_) => format!("{one}es"),
        None => format!("{one}s"),
    };
    format!("{} {}", thousands(count), if count == 1 { one } else { &many })
}

/// `9,469`.
pub(super) fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The splits on which accuracies are measured.
fn evaluated(audit: &Audit) -> &'static str {
    if audit.splits.iter().any(|count| count.split == Split::Test) { "val or test" } else { "val" }
}

/// What the pixels of photos are not what somebody who looks at them would expect.
fn surprises(audit: &Audit) -> Vec<Finding> {
    let count = |remark: Remark| {
        let found = audit.remarks.iter().find(|count| count.remark == remark.text());
        found.map_or(0, |found| found.photos)
    };
    [
        (Remark::OrientationIgnored, Severity::Look, "orientation"),
        (Remark::Turned, Severity::Fine, "orientation"),
        (Remark::SixteenBitsDark, Severity::Look, "16 bits"),
        (Remark::TransparencyDropped, Severity::Fine, "transparency"),
    ]
    .into_iter()
    .filter(|(remark, ..)| count(*remark) > 0)
    .map(|(remark, severity, subject)| {
        finding(severity, subject, format!("{} {}", counted(count(remark), "photo"), remark.text()))
    })
    .collect()
}

fn leaks(audit: &Audit) -> Finding {
    match audit.leaks() {
        0 => finding(
            Severity::Fine,
            "val in train",
            format!("no photo of {} is in another split, by its name, file or pixels", evaluated(audit)),
        ),
        leaks => {
            let (photos, evaluated) = (counted(leaks, "photo"), evaluated(audit));
            let text = format!(
                "{photos} of {evaluated} in another split too: an accuracy measured on {evaluated} is too high"
            );
            finding(Severity::Bad, "val in train", text)
        }
    }
}

fn near(audit: &Audit) -> Finding {
    let near = audit.duplicates.iter().filter(|group| group.across_splits && group.sameness > Sameness::Pixels).count();
    let cut = if audit.is_complete { "" } else { " (not all were compared: very many photos are alike)" };
    match near {
        0 => finding(
            Severity::Fine,
            "near val in train",
            format!("no photo of {} has a near duplicate elsewhere{cut}", evaluated(audit)),
        ),
        _ => finding(
            Severity::Look,
            "near val in train",
            format!("{} of {} with a near duplicate in another split{cut}", counted(near, "picture"), evaluated(audit)),
        ),
    }
}

fn duplicates(audit: &Audit) -> Finding {
    let within: Vec<_> = audit.duplicates.iter().filter(|group| !group.across_splits).collect();
    let torn = audit.duplicates.iter().filter(|group| group.across_classes).count();
    let exact = within.iter().filter(|group| group.sameness <= Sameness::Pixels).count();
    let torn_text = match torn {
        0 => String::new(),
        _ => format!("; {} in different classes", counted(torn, "picture")),
    };
    if within.is_empty() && torn == 0 {
        return finding(Severity::Fine, "duplicates", "no picture occurs twice in a split");
    }
    let text = format!(
        "{} more than once in a split ({exact} exactly, {} nearly){torn_text}",
        counted(within.len(), "picture"),
        within.len() - exact
    );
    finding(if torn > 0 { Severity::Bad } else { Severity::Look }, "duplicates", text)
}

fn broken(audit: &Audit) -> Finding {
    match audit.broken.len() {
        0 => finding(Severity::Fine, "broken files", format!("all {} can be decoded", counted(audit.photos, "photo"))),
        broken => {
            finding(Severity::Bad, "broken files", format!("{} cannot be read or decoded", counted(broken, "file")))
        }
    }
}

/// `1 file is`, `2 files are`.
fn are(count: usize, one: &str) -> String {
    format!("{} {}", counted(count, one), if count == 1 { "is" } else { "are" })
}

fn repaired(audit: &Audit) -> Finding {
    let repaired: usize = audit.remarks.iter().filter(|remark| remark.is_repair).map(|remark| remark.photos).sum();
    match repaired {
        0 => finding(Severity::Fine, "damaged photos", "no photo is truncated or damaged"),
        _ => finding(
            Severity::Look,
            "damaged photos",
            format!("{} truncated or damaged, and partly lost", are(repaired, "photo")),
        ),
    }
}

fn changed(audit: &Audit) -> Option<Finding> {
    let changed = audit.changed.len();
    let text = format!("{} not what the manifest says", are(changed, "photo"));
    (changed > 0).then(|| finding(Severity::Bad, "changed files", text))
}

fn strays(audit: &Audit) -> Option<Finding> {
    let strays = audit.strays.len();
    let text = format!("{} not part of the dataset", are(strays, "file"));
    (strays > 0).then(|| finding(Severity::Look, "other files", text))
}

fn blank(audit: &Audit) -> Option<Finding> {
    let blank = audit.blank.len();
    let text = format!("{} of (nearly) one color", are(blank, "photo"));
    (blank > 0).then(|| finding(Severity::Look, "blank photos", text))
}

fn places(audit: &Audit) -> Finding {
    let count = |fault| audit.misplaced.iter().filter(|misplaced| misplaced.fault == fault).count();
    let faults = [
        (count(NameFault::UnderTwoClasses), "in two classes"),
        (count(NameFault::UnderAnotherClass), "in another class than their names say"),
        (count(NameFault::Twice), "twice in a class"),
    ];
    let found: Vec<String> = faults
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, text)| format!("{} {text}", counted(count, "photo")))
        .collect();
    if found.is_empty() {
        return finding(Severity::Fine, "ImageNet's names", "no photo is in a wrong place");
    }
    finding(Severity::Bad, "ImageNet's names", found.join("; "))
}

fn balance(audit: &Audit) -> Finding {
    let of = |counts: Vec<usize>| counts.iter().copied().min().zip(counts.iter().copied().max());
    let train = of(audit.classes.iter().map(|class| class.train).collect());
    let val = of(audit.classes.iter().map(|class| class.val).collect());
    let mut texts = Vec::new();
    let mut severity = Severity::Fine;
    for (split, range) in [(Split::Train, train), (Split::Val, val)] {
        if !audit.splits.iter().any(|count| count.split == split) {
            if split == Split::Val {
                texts.push("there is no val split".into());
                severity = Severity::Look;
            }
            continue;
        }
        let Some((least, most)) = range else { continue };
        texts.push(format!("{} to {} per class in {}", thousands(least), thousands(most), split.name()));
        if least == 0 || most > least * UNBALANCED {
            severity = Severity::Look;
        }
    }
    finding(severity, "balance", texts.join(", "))
}

/// What ImageNet's own split means here: pretrained weights have seen its training photos.
fn provenance(audit: &Audit) -> Option<Finding> {
    let of = |split| audit.provenance.iter().find(|provenance| provenance.split == split);
    let (train, val) = (of(Split::Train)?, of(Split::Val)?);
    if train.imagenet_val > 0 && val.imagenet_val > 0 && keeps_imagenet_split(audit.edition) {
        let text = format!("{} of ImageNet's validation set in train", counted(train.imagenet_val, "photo"));
        return Some(finding(Severity::Look, "ImageNet's split", text));
    }
    (val.imagenet_train > 0).then(|| {
        let total = val.imagenet_train + val.imagenet_val + val.unknown;
        let text = format!(
            "{} of {} photos of val are from ImageNet's training set: weights pretrained on ImageNet have seen them",
            thousands(val.imagenet_train),
            thousands(total)
        );
        finding(Severity::Look, "ImageNet's split", text)
    })
}
