// SPDX-License-Identifier: Apache-2.0
// Compiled with `solc --via-ir --optimize --optimize-runs 1 --evm-version prague --no-cbor-metadata --bin`; see token.hex.
pragma solidity 0.8.37;
contract Token {
    string public name = "Test Dollar";
    string public symbol = "tUSD";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;
    mapping(address => uint256) public nonces;
    mapping(address => mapping(address => uint256)) public allowance;
    bytes32 private constant PERMIT = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"), keccak256(bytes(name)), keccak256("1"), block.chainid, address(this)));
    }
    function mint(address to, uint256 amount) external { balanceOf[to] += amount; }
    function approve(address spender, uint256 amount) external returns (bool) {
        require(amount == 0 || allowance[msg.sender][spender] == 0, "from zero only");
        allowance[msg.sender][spender] = amount;
        return true;
    }
    function transfer(address to, uint256 amount) external returns (bool) { _move(msg.sender, to, amount); return true; }
    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }
    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external {
        require(block.timestamp <= deadline, "late");
        bytes32 structHash = keccak256(abi.encode(PERMIT, owner, spender, value, nonces[owner]++, deadline));
        require(owner != address(0) && ecrecover(keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), structHash)), v, r, s) == owner, "signature");
        allowance[owner][spender] = value;
    }
    function _move(address from, address to, uint256 amount) private { balanceOf[from] -= amount; balanceOf[to] += amount; }
}
