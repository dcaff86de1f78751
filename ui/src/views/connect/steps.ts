/** What a person goes through, named at the top of each of its screens. */
export const SIGN_IN_STEPS = ['Details', 'Sign in', 'Done'];
