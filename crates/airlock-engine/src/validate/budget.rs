//! What one check may cost: a count of steps on the thread, taken by whatever reads arguments.
//!
//! The schema engine is not ours and has no bound of its own, and a schema comes from outside: a few hundred
//! bytes of `anyOf` can ask for millions of steps. Every step of it reads the arguments through our view, so
//! that is where steps are counted. When none are left the engine is unwound and the call is refused.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
};

/// The steps of a check are spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetSpent;

/// What a check may cost, and what the schema makes single steps cost beyond one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    /// One step is a few nanoseconds.
    pub(super) steps: u64,
    /// For each member of an object that is visited: the patterns that its name is matched with.
    pub(super) per_member: u64,
    /// For each violation that is told: its path and names are copied.
    pub(super) per_violation: u64,
}

/// Outside of any check nothing is counted in earnest.
const UNLIMITED: Budget = Budget { steps: u64::MAX, per_member: 0, per_violation: 0 };

/// Most stack that a check may use, in bytes: half of what a thread has. The schema engine recurses along
/// the references of the schema at every level of the arguments.
const MAX_STACK: usize = 1 << 20;

thread_local! {
    static CURRENT: Cell<Budget> = const { Cell::new(UNLIMITED) };
    /// Where the stack stood when the outermost check began; 0 outside of any.
    static STACK: Cell<usize> = const { Cell::new(0) };
}

/// Where the stack stands, about.
#[inline]
fn stack() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)) as usize
}

/// Takes the steps of a reference that is followed, which also costs stack.
pub(crate) fn charge_reference() {
    let base = STACK.get();
    if base != 0 && base.abs_diff(stack()) > MAX_STACK {
        spent();
    }
    charge(4);
}

/// Takes steps; does not return when there are not enough of them.
#[inline]
pub(crate) fn charge(steps: u64) {
    CURRENT.with(|current| {
        let budget = current.get();
        match budget.steps.checked_sub(steps) {
            Some(steps) => current.set(Budget { steps, ..budget }),
            None => spent(),
        }
    });
}

/// Takes what a pass over so many bytes of text costs.
#[inline]
pub(crate) fn charge_text(bytes: usize) {
    charge(1 + bytes as u64 / 16);
}

/// Takes what a visit of a member costs.
#[inline]
pub(crate) fn charge_member() {
    charge(1 + CURRENT.get().per_member);
}

/// Takes what telling a violation costs.
pub(crate) fn charge_violation() {
    charge(32 + CURRENT.get().per_violation);
}

/// Unwinds without a message: the panic hook is not called.
#[cold]
fn spent() {
    // Whatever reads arguments while the thread unwinds may finish; a second unwinding would abort.
    if !std::thread::panicking() {
        resume_unwind(Box::new(BudgetSpent));
    }
}

/// Puts the budget back that was there before, less what was used, on every way out.
struct Scope {
    outer: Budget,
    outer_stack: usize,
    steps: u64,
}

impl Drop for Scope {
    fn drop(&mut self) {
        let used = self.steps.saturating_sub(CURRENT.get().steps);
        CURRENT.set(Budget { steps: self.outer.steps.saturating_sub(used), ..self.outer });
        STACK.set(self.outer_stack);
    }
}

/// Runs a check that may take so many steps, and no more than a check around it has left. Any other
/// unwinding goes on.
pub(super) fn within<T>(budget: Budget, check: impl FnOnce() -> T) -> Result<T, BudgetSpent> {
    let outer = CURRENT.get();
    let steps = budget.steps.min(outer.steps);
    let scope = Scope { outer, outer_stack: STACK.get(), steps };
    if STACK.get() == 0 {
        STACK.set(stack());
    }
    CURRENT.set(Budget { steps, ..budget });
    let done = catch_unwind(AssertUnwindSafe(check));
    drop(scope);
    done.map_err(|payload| {
        if payload.is::<BudgetSpent>() {
            return BudgetSpent;
        }
        resume_unwind(payload)
    })
}

/// Steps that are left.
#[cfg(test)]
pub(super) fn left() -> u64 {
    CURRENT.get().steps
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::{
        Budget, BudgetSpent, UNLIMITED, charge, charge_member, charge_text, charge_violation, left, within,
    };

    fn steps(steps: u64) -> Budget {
        Budget { steps, ..UNLIMITED }
    }

    #[test]
    fn a_check_ends_when_its_steps_are_spent() {
        assert_eq!(within(steps(3), || charge(3)), Ok(()));
        assert_eq!(within(steps(2), || charge(3)), Err(BudgetSpent));
        assert_eq!(within(steps(2), || charge_text(31)), Ok(()));
        assert_eq!(within(steps(2), || charge_text(32)), Err(BudgetSpent));
        let weighted = Budget { steps: 40, per_member: 39, per_violation: 9 };
        assert_eq!(within(weighted, charge_member), Ok(()));
        assert_eq!(within(weighted, charge_violation), Err(BudgetSpent));
    }

    #[test]
    fn a_budget_ends_with_its_check_however_that_ends() {
        let before = super::CURRENT.get();
        let _ = within(steps(1), || charge(5));
        let other = catch_unwind(AssertUnwindSafe(|| within(steps(1), || resume_unwind(Box::new("other")))));
        assert!(other.unwrap_err().is::<&str>(), "another unwinding goes on");
        assert_eq!(super::CURRENT.get().per_member, before.per_member);
        assert!(left() > u64::MAX / 2);
    }

    #[test]
    fn a_check_in_a_check_is_paid_by_both() {
        let inner = within(steps(10), || {
            charge(1);
            let inner = within(steps(100), || charge(4));
            assert_eq!(left(), 5);
            inner.and(within(steps(100), || charge(6)))
        });
        assert_eq!(inner, Ok(Err(BudgetSpent)));
    }
}
