//! A limit on what all threads hold at once (bytes that wait, pixels that are decoded), so that memory does not grow
//! with the input.

use std::sync::{Condvar, Mutex};

/// How much may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    held: Mutex<u64>,
    freed: Condvar,
}

/// What one holder holds, until it is dropped.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    budget: &'a Budget,
    amount: u64,
}

impl Budget {
    pub(crate) fn new(most: u64) -> Self {
        Self { most, held: Mutex::new(0), freed: Condvar::new() }
    }

    /// Waits until this much more fits. What is more than the whole budget waits until nobody else holds anything.
    pub(crate) fn take(&self, amount: u64) -> Permit<'_> {
        let amount = amount.min(self.most);
        let mut held = self.held.lock().expect("no holder of this lock panics");
        while *held + amount > self.most {
            held = self.freed.wait(held).expect("no holder of this lock panics");
        }
        *held += amount;
        Permit { budget: self, amount }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.budget.held.lock().expect("no holder of this lock panics") -= self.amount;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_larger_than_the_budget_waits_until_it_is_alone() {
        let budget = Budget::new(10);
        let small = budget.take(4);
        std::thread::scope(|scope| {
            let large = scope.spawn(|| drop(budget.take(1_000)));
            std::thread::sleep(std::time::Duration::from_millis(20));
            assert!(!large.is_finished());
            drop(small);
        });
        assert_eq!(*budget.held.lock().unwrap(), 0);
    }
}
