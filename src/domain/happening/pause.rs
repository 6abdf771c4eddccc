//! Why a lane rests.

use super::Words;

kinds! {
    /// Why nothing is sent for a while.
    Pause {
        ByPerson { who: String }
            "paused by {who}"
            "остановил {who}"
        ByFault { words: Words }
            "{words}"
            "{words}"
    }
}
