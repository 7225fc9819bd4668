//! Tests of the inspector on packets made for them.

use super::*;

#[test]
fn an_inspector_that_knows_nothing_is_small() {
    assert!(size_of::<FlowInspector>() <= 64, "{}", size_of::<FlowInspector>());
}
