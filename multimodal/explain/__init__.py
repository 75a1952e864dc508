"""Attribution methods: which parts of an input a prediction depends on."""
