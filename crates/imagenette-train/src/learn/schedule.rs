//! The factor of the learning rate: a shipped schedule's, or that of code from elsewhere.

use std::sync::Arc;

use imagenette_recipe::schedule::Schedule;

use super::own::OwnSchedule;
use crate::compute::guard::{fault, guard};
use crate::error::Result;

/// The shape of the learning rate over a run.
#[derive(Debug, Clone)]
pub enum ScheduleRule {
    /// A shipped one.
    Shipped(Schedule),
    /// Code from elsewhere, by the name that recipes give it.
    Own(String, Arc<dyn OwnSchedule>),
}

impl ScheduleRule {
    /// The factor of the peak rate at this progress in 0..1.
    ///
    /// # Errors
    /// When code from elsewhere panics, or gives a number below 0 or none.
    pub fn factor(&self, progress: f64) -> Result<f64> {
        match self {
            Self::Shipped(schedule) => Ok(schedule.factor(progress).expect("a shipped schedule is known")),
            Self::Own(name, rule) => {
                let part = format!("schedule `{name}`");
                match guard(&part, || rule.factor(progress))? {
                    factor if factor.is_finite() && factor >= 0.0 => Ok(factor),
                    factor => {
                        Err(fault(&part, format!("expected a factor of 0 or more at {progress}, found {factor}")))
                    }
                }
            }
        }
    }
}
