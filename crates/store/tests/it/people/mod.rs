//! What every store must keep of people: the contract of `achub_core::port::people`, one check per promise, and two random
//! comparisons with the store in memory.

pub mod changes;
pub mod conditions;
pub mod consent;
pub mod dice;
pub mod forgetting;
pub mod imports;
pub mod pages;
pub mod rig;
mod sharing;
mod stores;
pub mod undo;
pub mod walk;

/// Makes one test per check; `$fresh` gives `(guard, store)`, the guard living as long as the check.
macro_rules! people_suite {
    ($fresh:expr) => {
        crate::people::people_suite! { $fresh =>
            changes { added_person_comes_back_whole change_moves_version_and_history batch_is_stored_or_not
                same_person_twice_is_refused wrong_before_is_refused address_change_is_an_update
                addresses_can_change_hands link_moves_to_its_claimant change_of_nothing_leaves_no_trace
                poisoned_text_comes_back senseless_values_are_refused companies_are_found_again
                catalogue_is_adopted_once tags_are_one_without_case outbox_tells_every_change }
            consent { raised_permission_is_refused ledger_follows_membership marks_are_set_and_cleared
                suppressions_keep_weightier_reason }
            forgetting { forgotten_person_leaves_suppression_only forgetting_twice_is_no_error }
            imports { position_is_stored_with_its_batch ended_import_keeps_cursor refused_people_are_paged
                lost_lease_writes_nothing forgotten_import_begins_anew }
            pages { pages_neither_skip_nor_repeat search_finds_beginnings marks_of_other_lists_are_refused }
            undo { undo_restores_what_nobody_touched undo_leaves_what_somebody_touched
                undo_keeps_consent_down undo_removes_who_was_added undo_gives_addresses_and_links_back
                undo_ends_after_seven_days many_people_are_taken_back }
            conditions { hand_picked_conditions_agree random_conditions_agree }
            walk { random_walk_agrees_with_memory }
        }
    };
    ($fresh:expr => $($module:ident { $($check:ident)* })*) => {
        $($(
            #[tokio::test]
            async fn $check() {
                let (_guard, store) = $fresh.await;
                crate::people::$module::$check(store).await;
            }
        )*)*
    };
}
pub(crate) use people_suite;
