//! Arrays spelt out for the compiler: every element is computed where it stands. An array that is filled in a loop is cleared
//! first, by a call of `memset` where it is large, and `map` with a closure may become a call that is compiled without the level's instructions.

/// `each!(i in [0 1 2] => f(i))` is `[f(0), f(1), f(2)]`.
macro_rules! each {
    ($i:ident in [$($number:literal)*] => $element:expr) => {
        [$({
            let $i: usize = $number;
            $element
        }),*]
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn elements_stand_in_order() {
        assert_eq!(each!(y in [0 1] => each!(x in [0 1 2] => 10 * y + x)), [[0, 1, 2], [10, 11, 12]]);
        assert_eq!(each!(i in [3 1] => i), [3, 1]);
    }
}
