//! Arrays written out for the compiler, each element computed in place. A loop would clear the array first, with a
//! call to `memset` if it is large, and the closure of a `map` may become a function that is compiled without the
//! level's instructions.

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
    fn elements_are_in_order() {
        assert_eq!(each!(y in [0 1] => each!(x in [0 1 2] => 10 * y + x)), [[0, 1, 2], [10, 11, 12]]);
        assert_eq!(each!(i in [3 1] => i), [3, 1]);
    }
}
